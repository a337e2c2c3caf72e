#!/usr/bin/env bash
# With iceoryx2's defaults a subscriber that does not read between two publications keeps the newest two values. The others are
# overwritten: `send_copy` still answers that one subscriber received each of them, and the subscriber is given no count of its loss.
# Met by: programs that publish a burst and count on each value, as with a socket or a queue.
# Seen on: iceoryx2 0.10.0 (Python package), CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
prefix=finding$$_
trap 'rm -rf "$work" /dev/shm/"$prefix"*' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install iceoryx2==0.10.0

seen=$("$work/venv/bin/python" - "$work/iceoryx2/" "$prefix" <<'PY'
import ctypes, sys
import iceoryx2
iceoryx2.set_log_level(iceoryx2.LogLevel.Fatal)
config = iceoryx2.config.default()
config.global_cfg.root_path = iceoryx2.Path.new(sys.argv[1])
config.global_cfg.prefix = iceoryx2.FileName.new(sys.argv[2])
node = iceoryx2.NodeBuilder.new().config(config).create(iceoryx2.ServiceType.Ipc)
name = iceoryx2.ServiceName.new("finding")
service = node.service_builder(name).publish_subscribe(ctypes.c_uint64).open_or_create()
publisher = service.publisher_builder().create()
subscriber = service.subscriber_builder().create()
deliveries = sum(publisher.send_copy(ctypes.c_uint64(i)) for i in range(10))
values = []
while (sample := subscriber.receive()) is not None:
    values.append(sample.payload().contents.value)
    sample.delete()
print(f"10 values sent, {deliveries} deliveries reported, received {values}")
for handle in (subscriber, publisher):
    handle.delete()
PY
)
surprise="10 values sent, 10 deliveries reported, received [8, 9]"
echo "version:  iceoryx2 0.10.0, $(python3 --version)"
echo "expected: 10 values sent, and as many received as deliveries reported"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
