"""A process of its own that uses the hub: huggingface_hub reads the environment when imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests import forked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Loads a model, and prints what came of it.
LOAD = """
import json, sys
from safelight.embedding.load import load_embedder
from safelight.errors import SafelightError
said = []
try:
    embedder = load_embedder(sys.argv[1], tell=said.append, **json.loads((sys.argv + ["{}"])[2]))
    result = {"vector": embedder.encode_texts(["cat"])[0].tolist(), "print": embedder.fingerprint,
              "client": "huggingface_hub" in sys.modules, "scale": embedder.logit_scale,
              "runtime": embedder.where.runtime}
except SafelightError as error:
    result = {"code": error.code, "message": str(error), "context": error.context}
print(json.dumps(result | {"said": said}))
"""

#: The same where PyTorch is not installed.
LOAD_WITHOUT_TORCH = f"import sys; sys.modules['torch'] = None\n{LOAD}"


def run(
    script: str,
    *arguments: str,
    url: str,
    home: Path,
    within: Sequence[str] = (),
    **environ: str,
) -> dict[str, Any]:
    """Run a script that prints JSON, with the hub at `url` and its cache in `home`.

    Parameters
    ----------
    within : sequence of str
        A command that runs the one that is appended to it.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SAFELIGHT_"))}
    clean |= {"HF_ENDPOINT": url, "HF_HOME": str(home)} | environ
    if within:
        command = [*within, sys.executable, "-c", script, *arguments]
        done = subprocess.run(
            command, env=clean, capture_output=True, text=True, timeout=120, check=False
        )
    else:
        done = forked.script(script, arguments, environ=clean)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def load(model: str, *, url: str, home: Path, within: Sequence[str] = (), **environ: str) -> Any:
    """Load a model from the hub at `url`, and embed a text."""
    return run(LOAD, model, url=url, home=home, within=within, **environ)
