#!/usr/bin/env bash
# Takes the page's libraries from npm as they are built there: `bash launch/view/vendor.sh`.
# Versions are fixed here; npm checks each package against the registry's digest of it. Nothing is
# built or changed, but that maps of sources, which are not shipped, are not named any more.
set -euo pipefail
cd "$(dirname "$0")/static/vendor"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# take PACKAGE@VERSION FOLDER FILE...: FILE, or FILE=NAME here
take() {
    local package=$1 folder=$2 file archive
    shift 2
    rm -rf "$folder" && mkdir -p "$folder"
    archive=$(npm pack --silent --pack-destination "$work" "$package")
    mkdir -p "$work/$folder"
    tar -xzf "$work/$archive" -C "$work/$folder" --strip-components=1
    cp "$work/$folder/LICENSE" "$folder/LICENSE"
    for file in "$@"; do
        cp "$work/$folder/${file%%=*}" "$folder/$(basename "${file##*=}")"
    done
    sed -i -E '/^(\/\/|\/\*)# sourceMappingURL=[^ ]*( \*\/)?$/d' "$folder"/*.js "$folder"/*.mjs 2>/dev/null || true
}

take preact@11.2.0 preact dist/preact.mjs hooks/dist/hooks.mjs
take htm@3.1.1 htm dist/htm.mjs
take uplot@1.6.32 uplot dist/uPlot.iife.min.js dist/uPlot.min.css
take katex@0.19.1 katex dist/katex.min.js dist/katex.min.css
mkdir katex/fonts && cp "$work"/katex/dist/fonts/*.woff2 katex/fonts/
take marked@18.2.1 marked lib/marked.esm.js
take dompurify@3.5.0 dompurify dist/purify.min.js
take @highlightjs/cdn-assets@11.12.0 highlight es/core.min.js \
    es/languages/{bash,c,cpp,diff,java,javascript,json,markdown,python,sql,xml,yaml}.min.js
take diff@9.0.0 diff dist/diff.min.js
take @tanstack/virtual-core@3.19.11 virtual \
    dist/esm/{index,utils,ios-gesture,lazy-measurements,scroll-classifier}.js
du -sh .
