"""The browser's engine, onnxruntime-web, as it lies in the package: which version, whose, and its hash.

`python -m x2vkit.web.vendor` fetches it again from the npm registry, checks it against INTEGRITY, and
writes the files that a page needs, gzipped: the module and its WebAssembly, for one thread and SIMD, and both
once more in a build that computes on a graphics card, too.
Nothing of this runs when a page is made: `engine()` reads what lies here.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from urllib.request import urlopen

from x2vkit.errors import X2VError
from x2vkit.media import write_atomic

NAME, VERSION, LICENSE = "onnxruntime-web", "1.30.0", "MIT"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the package's archive, as the registry states it."""
FOLDER = Path(__file__).parent / "vendor"
FILES = {
    "engine.mjs": (
        "package/dist/ort.wasm.bundle.min.mjs",
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    ),
    "engine.wasm": (
        "package/dist/ort-wasm-simd-threaded.wasm",
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    ),
    "gpu.mjs": (
        "package/dist/ort.jspi.bundle.min.mjs",
        "07ec090355e11b342c95436db54da2d0c2bd5b1d319745bfd3337e6bdcf170ac",
    ),
    "gpu.wasm": (
        "package/dist/ort-wasm-simd-threaded.jspi.wasm",
        "a54c76f86b0f0d9572380cf1c6292a7b3903716ffcbcd6b0e5c7050bf430eb93",
    ),
}
"""Name -> where it lies in the archive, and the SHA-256 of its bytes."""
CARD = ("gpu.mjs", "gpu.wasm")
"""Those for a graphics card: too large for a page of one file."""


def engine() -> dict[str, tuple[bytes, int]]:
    """The engine's files by name: each gzipped, and its bytes when it is not.

    Raises:
        X2VError: a file that is missing or not the one that was vendored.
    """
    found = {}
    for name, (_, digest) in FILES.items():
        path = FOLDER / f"{name}.gz"
        try:
            packed = path.read_bytes()
            data = gzip.decompress(packed)
        except (OSError, EOFError) as error:
            raise X2VError(str(path), f"it cannot be read ({error})", "install x2vkit again") from error
        if hashlib.sha256(data).hexdigest() != digest:
            rule = f"it is not the file of {NAME} {VERSION}"
            raise X2VError(str(path), rule, "install x2vkit again, or run python -m x2vkit.web.vendor")
        found[name] = (packed, len(data))
    return found


def main() -> None:
    """Fetch, check, and write."""
    url = f"https://registry.npmjs.org/{NAME}/-/{NAME}-{VERSION}.tgz"
    with urlopen(url) as answer:
        archive = answer.read()
    have = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if have != INTEGRITY:
        raise X2VError(url, f"its hash is {have}", "look at what changed before you trust it")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for name, (place, _) in FILES.items():
            member = opened.extractfile(place)
            assert member is not None
            data = member.read()
            write_atomic(FOLDER / f"{name}.gz", gzip.compress(data, 9, mtime=0))
            print(f"{name}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
