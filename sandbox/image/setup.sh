#!/bin/sh
# The steps that turn Debian's base into a box's root file system; run inside of it, as root, by
# the Dockerfile or in a chroot. Settings come by the environment: PACKAGES, SNAPSHOT, CPP_FLAGS.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
home=/opt/plumb

# dpkg leaves out what no program needs, and does not wait for the disk after each file.
configure_dpkg() {
    cat >/etc/dpkg/dpkg.cfg.d/plumb <<'END'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/bug/*
path-exclude=/usr/share/fonts/*
path-exclude=/usr/share/gdb/*
path-exclude=/usr/lib/jvm/*/jmods/*
path-exclude=/usr/lib/gcc/*/lto1
path-exclude=/usr/lib/gcc/*/lib?san.a
path-exclude=/usr/lib/gcc/*/libubsan.a
path-exclude=/usr/lib/gcc/*/libhwasan.a
path-exclude=/usr/bin/*lto-dump*
END
}

# Versions exactly as they were at an instant: newer ones that the base has are replaced by older.
use_snapshot() {
    archive=http://snapshot.debian.org/archive
    rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
    cat >/etc/apt/sources.list <<END
deb [check-valid-until=no] $archive/debian/$SNAPSHOT bookworm main
deb [check-valid-until=no] $archive/debian/$SNAPSHOT bookworm-updates main
deb [check-valid-until=no] $archive/debian-security/$SNAPSHOT bookworm-security main
END
    printf 'Package: *\nPin: release a=*\nPin-Priority: 1001\n' >/etc/apt/preferences.d/plumb
}

packages() {
    configure_dpkg
    mkdir -p /usr/share/man/man1  # or update-alternatives cannot name Java's manual, and fails
    if [ -n "${SNAPSHOT:-}" ]; then use_snapshot; fi
    options='-q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::Languages=none'
    options="$options -o APT::Update::Error-Mode=any -o Dpkg::Use-Pty=0"
    apt-get $options update
    if [ -n "${SNAPSHOT:-}" ]; then apt-get $options -y --allow-downgrades dist-upgrade; fi
    apt-get $options install -y --no-install-recommends $PACKAGES
    java -Xshare:auto -version 2>&1 | grep -q sharing || java -Xshare:dump >/dev/null
    dpkg-query -W -f '${Package}=${Version}\n' >$home/packages.txt
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old
    rm -rf /var/log/* /usr/share/doc/* /usr/share/man/* /tmp/* /var/tmp/*
    find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
    mkdir -p /store /app
}

# g++ takes a precompiled header only where the flags are the same.
headers() {
    mkdir -p $home/include/bits
    cp "$(echo '#include <bits/stdc++.h>' | g++ -x c++ -M - | grep -o '/[^ ]*/bits/stdc++\.h')" \
        $home/include/bits/stdc++.h
    g++ $CPP_FLAGS -x c++-header -o $home/include/bits/stdc++.h.gch $home/include/bits/stdc++.h
    echo '#include <bits/stdc++.h>' >/tmp/probe.cpp
    g++ $CPP_FLAGS -I$home/include -H -fsyntax-only /tmp/probe.cpp 2>&1 |
        grep -q '^! .*stdc++\.h\.gch$' || {
        echo 'the precompiled header is not taken' >&2
        exit 1
    }
    rm /tmp/probe.cpp
}

agent() {
    python3 -m compileall -q --invalidation-mode unchecked-hash $home/agent
    chmod -R u=rwX,go=rX $home/agent
}

"$1"
