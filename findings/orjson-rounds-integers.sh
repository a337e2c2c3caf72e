#!/usr/bin/env bash
# orjson reads an integer beyond 64 bits as a float, without an error, where json, msgspec and ujson return the exact integer.
# It refuses to write such an integer, so the two directions disagree as well; and 1e400, which json reads as infinity, is refused.
# Met by: programs that exchange 128-bit identifiers or nanosecond counters as JSON numbers, and two readers of one stream.
# Seen on: orjson 3.13.0, msgspec 0.23.0, ujson 6.1.0, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install orjson==3.13.0 msgspec==0.23.0 ujson==6.1.0

seen=$("$work/venv/bin/python" - <<'PY'
import json, msgspec, orjson, ujson
text, value = "18446744073709551617", 18446744073709551617
readers = {"json": json.loads, "msgspec": msgspec.json.decode, "ujson": ujson.loads, "orjson": orjson.loads}
answers = [f"{name} {read(text)!r}" for name, read in readers.items()]
try:
    answers.append(f"orjson writes {orjson.dumps(value)}")
except orjson.JSONEncodeError:
    answers.append("orjson refuses to write it")
print(", ".join(answers))
PY
)
exact=18446744073709551617
surprise="json $exact, msgspec $exact, ujson $exact, orjson 1.8446744073709552e+19, orjson refuses to write it"
echo "version:  orjson 3.13.0, msgspec 0.23.0, ujson 6.1.0, $(python3 --version)"
echo "expected: $exact from all, or an error in both directions"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
