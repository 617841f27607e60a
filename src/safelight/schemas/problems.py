"""Problems: every code that an error of the REST API can have, with its status and its meaning.

The server answers with these statuses, and the client raises these errors; neither has a list of
its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from safelight import errors
from safelight.schemas.base import Answer


class ProblemCode(StrEnum):
    """Code of a problem.

    Attributes
    ----------
    status : int
        HTTP status of the answer.
    kind : type of SafelightError
        What the client raises.
    meaning : str
        In plain words.
    """

    status: int
    kind: type[errors.SafelightError]
    meaning: str

    def __new__(
        cls, code: str, status: int, kind: type[errors.SafelightError], meaning: str
    ) -> ProblemCode:
        """Return a member; its value is the code alone."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status, member.kind, member.meaning = status, kind, meaning
        return member

    # The request itself.
    BAD_REQUEST = (
        "bad-request",
        400,
        errors.UsageError,
        "The request is not valid HTTP, or its form is broken.",
    )
    INVALID = (
        "invalid",
        422,
        errors.UsageError,
        "A field or parameter is missing, unknown, or has an impossible value; see `errors`.",
    )
    NO_TOKEN = ("no-token", 401, errors.ServerError, "The request needs a token and has none.")
    BAD_TOKEN = ("bad-token", 401, errors.ServerError, "The token is invalid or was revoked.")
    READ_ONLY = ("read-only", 403, errors.ServerError, "The token allows reading only.")
    NAMESPACE = ("namespace", 403, errors.ServerError, "The token does not allow this namespace.")
    OUTSIDE = (
        "outside",
        403,
        errors.ServerError,
        "A path lies outside the folders that the server may read.",
    )
    SIGNATURE = ("signature", 403, errors.ServerError, "The signature of an address is not valid.")
    SIGNATURE_EXPIRED = (
        "signature-expired",
        403,
        errors.ServerError,
        "The address was signed for a shorter time.",
    )
    ORIGIN = ("origin", 403, errors.ServerError, "A page of another site sent the request.")
    HOST = ("host", 421, errors.ServerError, "The server does not answer to this host name.")
    NO_ROUTE = ("no-route", 404, errors.LibraryError, "The API has no such address.")
    IDEMPOTENCY_KEY = (
        "idempotency-key",
        422,
        errors.UsageError,
        "The `Idempotency-Key` came with another request before, or cannot be a key.",
    )
    METHOD = (
        "method",
        405,
        errors.UsageError,
        "The address does not take this method; see `Allow`.",
    )
    NOT_ACCEPTABLE = (
        "not-acceptable",
        406,
        errors.UsageError,
        "The answer has none of the accepted types.",
    )
    SLOW_BODY = ("slow-body", 408, errors.ServerError, "The request came in too slowly.")
    LENGTH = ("length", 411, errors.UsageError, "The request has to say how long its body is.")
    CONDITION = ("condition", 412, errors.LibraryError, "A condition of the request is not met.")
    BODY_TOO_LARGE = (
        "body-too-large",
        413,
        errors.UsageError,
        "The request is larger than the server takes.",
    )
    LONG_ADDRESS = ("long-address", 414, errors.UsageError, "The address is too long.")
    MEDIA_TYPE = (
        "media-type",
        415,
        errors.UsageError,
        "The body has a media type that this call does not take.",
    )
    RANGE = ("range", 416, errors.UsageError, "The range lies outside the file.")
    EXPECTATION = (
        "expectation",
        417,
        errors.UsageError,
        "The server cannot do what `Expect` asks.",
    )
    LARGE_HEAD = ("large-head", 431, errors.UsageError, "The headers of the request are too large.")

    # The server.
    BUSY = ("busy", 429, errors.ServerError, "Too many requests are waiting; see `Retry-After`.")
    INTERNAL = ("internal", 500, errors.ServerError, "Something failed that was not foreseen.")
    STOPPED = ("stopped", 503, errors.ServerError, "The server is stopping; send it again.")
    TIMEOUT = ("timeout", 504, errors.ServerError, "The answer took too long.")
    ERROR = ("error", 500, errors.SafelightError, "Something failed; `detail` says what.")
    SETTINGS = ("settings", 500, errors.ServerError, "The server has a setting that cannot be.")

    # Searches, filters and other choices.
    USAGE = ("usage", 400, errors.UsageError, "The request asks for something that cannot be.")
    QUERY = ("query", 400, errors.QueryError, "The query cannot be understood.")
    FILTER = ("filter", 400, errors.QueryError, "A filter on metadata cannot be understood.")
    CURSOR = ("cursor", 400, errors.UsageError, "The cursor belongs to another list or query.")
    CURSOR_EXPIRED = (
        "cursor-expired",
        410,
        errors.LibraryError,
        "The library does not keep what this cursor goes on from any more; read from the start.",
    )
    FIELDS = ("fields", 400, errors.UsageError, "Photos of lists have no such further field.")
    DATE = (
        "date",
        400,
        errors.UsageError,
        "A day does not exist, or the last is before the first.",
    )
    ORDER = ("order", 400, errors.UsageError, "Photos cannot be ordered like this.")
    NO_LABEL = ("no-label", 400, errors.LibraryError, "No photo was labelled with this label.")
    NO_SCORES = ("no-scores", 400, errors.LibraryError, "No photo was scored by this metric.")
    NAMELESS = ("nameless", 400, errors.UsageError, "The request has to name one namespace.")
    NO_IMAGE = ("no-image", 400, errors.UsageError, "The form has no photo.")
    KEEPER = ("keeper", 400, errors.UsageError, "The photo to keep is not one of the group.")
    KEPT_TOGETHER = (
        "kept-together",
        400,
        errors.UsageError,
        "The photos of this group are kept together.",
    )
    SOURCE = ("source", 400, errors.SourceError, "A folder, list or file cannot be ingested.")
    BAD_BATCH = ("bad-batch", 400, errors.UsageError, "The body is not a batch of artifacts.")
    BAD_URI = ("bad-uri", 400, errors.UsageError, "A URI does not name a file.")
    VECTOR = ("vector", 422, errors.UsageError, "A vector or its id is not one that can be kept.")

    COMPARING = (
        "comparing",
        503,
        errors.LibraryError,
        "Photos are being compared, and the group is not found yet; see `Retry-After`.",
    )

    # What there is not.
    NO_PHOTO = ("no-photo", 404, errors.LibraryError, "The library has no such photo.")
    NO_FOCUS = ("no-focus", 404, errors.LibraryError, "The photo has no focus map.")
    NO_VECTOR = ("no-vector", 404, errors.LibraryError, "There is no such vector.")
    NO_JOB = ("no-job", 404, errors.LibraryError, "There is no such job.")
    NO_GROUP = ("no-group", 404, errors.LibraryError, "There is no such group any more.")
    NO_PLAN = ("no-plan", 404, errors.PlanError, "There is no such plan.")
    NO_NAMESPACE = ("no-namespace", 404, errors.LibraryError, "The library has no such namespace.")
    NO_LABEL_SET = ("no-label-set", 404, errors.LibraryError, "The library has no such label set.")
    UNKNOWN_PATH = ("unknown-path", 404, errors.LibraryError, "The library knows no such path.")

    # What is not as it was.
    CHANGED = ("changed", 409, errors.LibraryError, "The file is not the photo any more.")
    CONFLICT = ("conflict", 409, errors.LibraryError, "Something else has this id.")
    EMPTY_LIBRARY = ("empty-library", 409, errors.LibraryError, "Nothing was ingested yet.")
    PLAN = ("plan", 409, errors.PlanError, "The plan cannot be used.")
    PLAN_BUSY = ("plan-busy", 409, errors.PlanError, "Another program is applying this plan.")
    SIDECAR = ("sidecar", 409, errors.SidecarError, "A sidecar cannot be read or added to.")
    SPACE = ("space", 409, errors.SpaceError, "The vectors are of another model.")

    # Photos that cannot be taken.
    UPLOAD_REFUSED = (
        "upload-refused",
        422,
        errors.DecodeError,
        "No photo of the upload was taken; `errors` says why, file by file.",
    )
    EMPTY = ("empty", 422, errors.DecodeError, "The photo has no bytes.")
    TRUNCATED = ("truncated", 422, errors.DecodeError, "The photo ends too early.")
    CORRUPT = ("corrupt", 422, errors.DecodeError, "The photo is damaged.")
    NOT_AN_IMAGE = ("not-an-image", 422, errors.DecodeError, "The bytes are not an image.")
    UNSUPPORTED = ("unsupported", 422, errors.DecodeError, "safelight cannot read this format.")
    MISSING_EXTRA = (
        "missing-extra",
        422,
        errors.DecodeError,
        "The server lacks a package for this format.",
    )
    TOO_LARGE = ("too-large", 422, errors.DecodeError, "The photo has too many bytes or pixels.")
    NO_PREVIEW = ("no-preview", 422, errors.DecodeError, "The camera RAW file has no preview.")
    NOT_A_FILE = (
        "not-a-file",
        422,
        errors.DecodeError,
        "The path leads to something that is not a file.",
    )
    MISSING = ("missing", 422, errors.DecodeError, "The photo's file is not where it was.")
    PERMISSION = ("permission", 422, errors.DecodeError, "The server may not read the file.")
    SYMLINK_LOOP = ("symlink-loop", 422, errors.DecodeError, "A link leads back to itself.")
    BAD_NAME = ("bad-name", 422, errors.DecodeError, "The name is not one that a file can have.")
    IO = ("io", 422, errors.DecodeError, "The disk or the network reported an error.")
    MODEL = ("model", 422, errors.DecodeError, "The model cannot embed the photo.")

    # What the server stands on.
    NO_LIBRARY = ("no-library", 503, errors.LibraryError, "The library's file is not there.")
    LIBRARY = ("library", 500, errors.LibraryError, "The library cannot be used.")
    LIBRARY_TOO_NEW = (
        "library-too-new",
        503,
        errors.LibraryTooNew,
        "A newer safelight wrote the library.",
    )
    LIBRARY_BUSY = (
        "library-busy",
        503,
        errors.LibraryError,
        "Another program is writing to the library.",
    )
    LIBRARY_READ_ONLY = (
        "library-read-only",
        503,
        errors.LibraryError,
        "The library's file cannot be written.",
    )
    DAMAGED = ("damaged", 500, errors.LibraryError, "The library is damaged.")
    DISK = ("disk", 500, errors.LibraryError, "The disk is full, or reports an error.")
    MODEL_UNUSABLE = ("model-unusable", 500, errors.ModelError, "The model failed.")
    MODEL_UNAVAILABLE = (
        "model-unavailable",
        503,
        errors.ModelUnavailable,
        "The model is not on the server now.",
    )
    MODEL_INVALID = (
        "model-invalid",
        503,
        errors.ModelInvalid,
        "The model's files are missing or broken.",
    )
    OUT_OF_MEMORY = ("out-of-memory", 503, errors.ModelError, "The model needs more memory.")
    CLUSTER = ("cluster", 502, errors.ClusterError, "The cluster failed.")
    STORE = ("store", 502, errors.StoreError, "The vector store cannot be used.")
    STORE_AWAY = ("store-away", 503, errors.StoreAway, "The vector store does not answer now.")
    STORE_REFUSED = (
        "store-refused",
        502,
        errors.StoreRefused,
        "The vector store refused the vectors.",
    )


#: The code of what HTTP itself refuses, by its status.
OF_STATUS = {
    code.status: code
    for code in (
        ProblemCode.BAD_REQUEST,
        ProblemCode.NO_ROUTE,
        ProblemCode.METHOD,
        ProblemCode.NOT_ACCEPTABLE,
        ProblemCode.SLOW_BODY,
        ProblemCode.LENGTH,
        ProblemCode.CONDITION,
        ProblemCode.BODY_TOO_LARGE,
        ProblemCode.LONG_ADDRESS,
        ProblemCode.MEDIA_TYPE,
        ProblemCode.RANGE,
        ProblemCode.EXPECTATION,
        ProblemCode.HOST,
        ProblemCode.INVALID,
        ProblemCode.BUSY,
        ProblemCode.LARGE_HEAD,
        ProblemCode.INTERNAL,
        ProblemCode.STOPPED,
        ProblemCode.TIMEOUT,
    )
}


_KNOWN = {code.value: code for code in ProblemCode}


def known_code(name: str) -> ProblemCode | None:
    """Return the code of this name; None for one of a later version."""
    return _KNOWN.get(name)


def code_of(error: errors.SafelightError) -> ProblemCode:
    """Return the code of an error that the library raised: its own, or else that of its kind."""
    names = (error.code, *(getattr(kind, "code", "") for kind in type(error).__mro__))
    return next((_KNOWN[name] for name in names if name in _KNOWN), ProblemCode.ERROR)


class FieldProblem(Answer):
    """A field or parameter of a request that was refused."""

    pointer: str | None = Field(
        default=None,
        description="The field of the body, as a JSON pointer in a URI fragment; null of a "
        "parameter.",
        examples=["#/groups/0/keeper"],
    )
    field: str = Field(
        description="Where it was sent (`body`, `query`, `path`, `header`) and its name.",
        examples=["body.groups.0.keeper"],
    )
    reason: str = Field(
        description="What is wrong, to follow the name.", examples=["should be at least 1"]
    )
    code: str | None = Field(
        default=None,
        description="Of a file that was refused, why; one of the codes of photos.",
        examples=["not-an-image"],
    )
    allowed: tuple[str, ...] | None = Field(
        default=None,
        description="The values or names that are possible; null where they cannot be listed.",
        examples=[["quarantine", "hardlink", "trash"]],
    )


def _listed(schema: dict[str, Any]) -> None:
    # Not an enum: a client that was generated today has to take tomorrow's codes.
    schema["x-extensible-enum"] = [code.value for code in ProblemCode]


class ProblemDetails(Answer):
    """An error, as RFC 9457 has it."""

    type: str = Field(
        default="about:blank",
        description="Always `about:blank`; see `code`.",
        examples=["about:blank"],
    )
    title: str = Field(description="The phrase of the status.", examples=["Not Found"])
    status: int = Field(description="The status of the answer.", examples=[404])
    detail: str = Field(
        description="What failed, why, and what to do about it, for people.",
        examples=["There is no plan 20261128-1."],
    )
    code: str = Field(
        description="A short, stable name for the reason, for programs.",
        examples=["no-plan"],
        json_schema_extra=_listed,
    )
    errors: tuple[FieldProblem, ...] | None = Field(
        default=None,
        description="The fields, or files, that were refused; null if it is not about any.",
    )
    request_id: str | None = Field(
        default=None,
        description="The `X-Request-Id` of the answer, by which the server's log names it.",
        examples=["5f2c9b0e7d1a4c38"],
    )
