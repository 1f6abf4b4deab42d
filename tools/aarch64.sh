#!/usr/bin/env bash
# Builds the extension for aarch64 and runs it under qemu, on Debian for x86-64:
#
#     tools/aarch64.sh build              CPython and the packages of the tests for aarch64, then the extension
#     tools/aarch64.sh python ARGUMENTS   that CPython, such as `python -m pytest tests/kernels/test_machine_code.py`
#
# Needs the Debian packages qemu-user-static and gcc-aarch64-linux-gnu, and a CPython with Cython and pip as `python`, or as $PYTHON.
# CASCADE_AARCH64 is the version, 3.11 where it is not set: those that Debian has are 3.11 and 3.13. The extension goes beside that of
# this machine, all else to build/aarch64-VERSION.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
version=${CASCADE_AARCH64:-3.11}
case $version in
3.11) suite=bookworm ;;
3.13) suite=trixie ;;
*) echo "no Debian has CPython $version" >&2; exit 2 ;;
esac
place=$project/build/aarch64-$version
root=$place/root
packages="numpy pytest hypothesis msgspec capstone rich loky anyio trio attrs"

apt() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$place/apt/lists" \
        -o Dir::State::status="$place/apt/status" -o Dir::Cache::archives="$place/apt/archives" \
        -o Dir::Etc::sourcelist="$place/apt/sources.list" -o Dir::Etc::sourceparts=- "$@"
}

make_root() {
    mkdir -p "$place"/apt/lists/partial "$place"/apt/archives/partial
    touch "$place/apt/status"       # nothing is installed: all that python needs is fetched
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" > "$place/apt/sources.list"
    apt update
    apt install --yes --no-install-recommends --download-only "python$version" "python$version-dev" "libpython$version" libstdc++6
    for package in "$place"/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$root"
    done
    for name in bin lib; do
        [ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"
    done
    ${PYTHON:-python} -m pip install --quiet --target "$place/site" --only-binary=:all: --python-version "$version" \
        --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 $packages
    # The tests start `sys.executable`: a script of this machine, as the kernel cannot execute programs for aarch64.
    cat > "$place/python" <<END
#!/bin/sh
export PYTHONHOME=$root/usr PYTHONPATH="$project:$place/site\${PYTHONPATH:+:\$PYTHONPATH}"
exec qemu-aarch64-static -cpu max,pauth-impdef=on -L $root -0 $place/python $root/usr/bin/python$version "\$@"
END
    chmod +x "$place/python"
}

build() {
    [ -x "$place/python" ] || make_root
    cd "$project"
    ${PYTHON:-python} -m cython -3 cascade/_vm.pyx -o "$place/_vm.c"
    aarch64-linux-gnu-gcc -shared -fPIC -O2 -g1 -fno-strict-aliasing -ffp-contract=off -DNDEBUG -DCASCADE_DEBUG_CHECKS=0 ${CFLAGS:-} \
        -I"$root/usr/include/python$version" -idirafter "$root/usr/include" -Icascade "$place/_vm.c" -o "cascade/_vm.cpython-${version/./}-aarch64-linux-gnu.so"
}

case ${1:-} in
build) build ;;
python) shift; exec "$place/python" "$@" ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
