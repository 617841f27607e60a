"""Metrics of the server, in Prometheus's format."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """One server's numbers; two in one process do not mix them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "safelight_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "safelight_request_seconds",
            "From a request to the end of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._encode = Histogram(
            "safelight_encode_seconds",
            "One call of the model, for all queries in it.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._encoded = Histogram(
            "safelight_encode_queries",
            "Queries that shared a call of the model.",
            buckets=_SIZES,
            registry=self._registry,
        )
        self._scan = Histogram(
            "safelight_scan_seconds",
            "One pass over the vectors, for all searches in it.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._scanned = Histogram(
            "safelight_scan_queries",
            "Searches that shared a pass over the vectors.",
            buckets=_SIZES,
            registry=self._registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def encoded(self, queries: int, seconds: float) -> None:
        """Count a call of the model."""
        self._encoded.observe(queries)
        self._encode.observe(seconds)

    def scanned(self, queries: int, seconds: float) -> None:
        """Count a pass over the vectors."""
        self._scanned.observe(queries)
        self._scan.observe(seconds)

    def text(self) -> bytes:
        """Return all numbers."""
        return generate_latest(self._registry)
