"""Limits on each client's use of the server."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits beyond which a request is refused, so that memory never has to decide.

    Attributes
    ----------
    json_bytes : int
        The body of a request, unless it brings photos.
    image_bytes : int
        The body of a search that brings a photo.
    upload_bytes : int
        The body of an upload.
    file_bytes : int
        One photo in an upload.
    upload_files : int
        Photos in one upload.
    pixels : int
        Of a photo that a client brings. Decoded it takes three bytes a pixel.
    hits : int
        Results of one search or page.
    terms : int
        Parts of one query.
    dimension : int
        Numbers of a vector that a client brings.
    artifacts : int
        Photos in one batch of the features service.
    signatures : int
        Addresses that are signed at once.
    signature_seconds : int
        The longest that a signed address is good for.
    waiting_queries, waiting_decodes, waiting_reads, waiting_batches : int
        Those that wait for a thread; more are refused with 429.
    streams : int
        Clients that listen to jobs.
    seconds, upload_seconds : float
        For answering; then it is given up. The latter for uploads and batches of photos, which
        are answered when the model has seen them all.
    body_seconds : float
        Between two parts of a body that is sent to us.
    body_rate : int
        Bytes a second that a body has to come with, on average after its first `body_seconds`.
    bodies_bytes : int
        Bodies held in memory at once; others wait unread.
    uploads : int
        Uploads received at once; others wait unread.
    room_seconds : float
        How long a body waits for room before it is refused with 429.
    connections : int
        Connections at once; the longest idle one gives way to a new one.
    head_seconds : float
        For the request line and headers to be complete.
    send_seconds : float
        For a client to take some of its answer.
    drain_seconds : float
        For the rest of a body that was refused; then the connection ends.
    """

    json_bytes: int = 8 * MEGABYTE
    image_bytes: int = 64 * MEGABYTE
    upload_bytes: int = 1024 * MEGABYTE
    file_bytes: int = 256 * MEGABYTE
    upload_files: int = 200
    pixels: int = 100_000_000
    hits: int = 1000
    terms: int = 32
    dimension: int = 4096
    artifacts: int = 1000
    signatures: int = 1000
    signature_seconds: int = 86_400
    waiting_queries: int = 256
    waiting_decodes: int = 128
    waiting_reads: int = 512
    waiting_batches: int = 4
    streams: int = 256
    seconds: float = 60.0
    upload_seconds: float = 900.0
    body_seconds: float = 20.0
    body_rate: int = 1000
    bodies_bytes: int = 128 * MEGABYTE
    uploads: int = 16
    room_seconds: float = 20.0
    connections: int = 2048
    head_seconds: float = 15.0
    send_seconds: float = 60.0
    drain_seconds: float = 10.0
