#!/bin/busybox sh
# The guest's first program: devices, modules, then the answerer on the serial console.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in /lab/modules/*.ko; do $b insmod "$module" || echo "insmod $module failed"; done
$b stty -F /dev/ttyAMA0 raw -echo
cd /lab
export PYTHONPATH=/lab PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3.11 -u guest.py </dev/ttyAMA0 >/dev/ttyAMA0 2>&1
