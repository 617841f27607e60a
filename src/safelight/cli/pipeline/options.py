"""Options that the commands of ``safelight pipeline`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = ("ingest", "preprocess", "features")


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data``."""
    return click.option(
        "--data", default="data", show_default=True, metavar="DIR",
        help="Data folder. Relative URIs start from the folder that contains it.",
    )(command)  # fmt: skip


def bus_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--bus``."""
    return click.option(
        "--bus", "url", required=True, envvar="SAFELIGHT_BUS", show_envvar=True,
        metavar="nats://HOST:PORT", help="Address of a NATS server with JetStream.",
    )(command)  # fmt: skip


def feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what the features service wants to know, and what every service does."""
    for option in reversed(
        (
            click.option("--model", metavar="MODEL", help="Model for features."),
            click.option(
                "--labels", metavar="FILE",
                help="For features: file of labels to use instead.",
            ),
            click.option(
                "--templates", metavar="FILE",
                help="For features: file of prompts to use instead.",
            ),
            click.option(
                "--library", metavar="FILE",
                help="For features: store them in this library as well as in data/cache.",
            ),
            click.option(
                "--compat-fallbacks", is_flag=True,
                help="For features: fill in 0.5 and default labels for failures.",
            ),
            click.option(
                "--device", metavar="DEVICE",
                help="Device of the model: auto, cpu, cuda:1, mps, ...",
            ),
            click.option(
                "--threads", type=click.IntRange(min=1), metavar="N",
                help="Number of threads that read and decode.",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is said about the work, and how."""
    command = click.option(
        "--log-json", is_flag=True, help="Write the log as one JSON object a line."
    )(command)
    return click.option("-q", "--quiet", is_flag=True, help="Log only warnings and errors.")(
        command
    )
