# syntax=docker/dockerfile:1
# Kedge as an image: one static program, certificate authorities, a user. No shell, no package, nothing that is written.
#
#   docker build --tag kedge:latest --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#     --build-arg REVISION="$(git rev-parse --short=12 HEAD)" .
#
# It needs a PostgreSQL and is told by KEDGE_DATABASE_URL, or KEDGE_DATABASE_URL_FILE. What Kedge does without one,
# starting a private PostgreSQL, it cannot do here: it ends at once with status 1, and says that PostgreSQL was not
# found or, on a read-only root, that nothing can be made in its data directory. deploy/compose.yaml has both, and
# deploy/kubernetes is for clusters.

# Of bookworm, like the PostgreSQL of deploy/compose.yaml. `slim` has what is needed: a C compiler, which is all that
# aws-lc-sys asks for on x86-64 and arm64, and glibc's static half.
ARG RUST=1.95.0-slim-bookworm

FROM rust:${RUST} AS build
WORKDIR /src
COPY . .

# The time of the image's files; the builder takes it for the layers, too.
ARG SOURCE_DATE_EPOCH=0
# The commit, of which the program tells: there is no repository here.
ARG REVISION=unknown
# The same source makes the same program, wherever it lies and whenever it is built. Paths of this stage mean nothing to
# anybody; CFLAGS is for the C and the assembly of aws-lc-sys.
#
# crt-static is only for what --target names: macros are libraries that the compiler loads. glibc links with a warning
# about names, which is about modules beyond files and DNS; these two are in the program since glibc 2.34. musl would
# bring an allocator that is slower under load.
ENV RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo" \
    CFLAGS="-ffile-prefix-map=/src=. -ffile-prefix-map=/usr/local/cargo=cargo" \
    CARGO_INCREMENTAL=0
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    set -eux; \
    host=$(rustc --print host-tuple); \
    # At a time of its own: with each commit's, aws-lc-sys and all that stands on it would be built anew.
    SOURCE_DATE_EPOCH=0 KEDGE_COMMIT="$REVISION" cargo build --release --locked --bin kedge --target "$host"; \
    mkdir -p /image/etc/ssl/certs /image/var/lib/kedge; \
    cp "target/$host/release/kedge" /image/kedge; \
    # It starts with nothing around it.
    chroot /image /kedge --version; \
    # The metadata of identity providers is fetched over https.
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    test -s /image/etc/ssl/certs/ca-certificates.crt; \
    # So that the user has a name, in errors and for whoever looks.
    echo 'kedge:x:65532:65532:Kedge:/:/nonexistent' > /image/etc/passwd; \
    echo 'kedge:x:65532:' > /image/etc/group; \
    # Of whatever user, as the ones that OpenShift makes up.
    chmod 1777 /image/var/lib/kedge; \
    find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


FROM scratch
COPY --from=build /image/ /

# By number: Kubernetes' runAsNonRoot reads no names.
USER 65532:65532

# Inside a container, every address is the container's own; who can reach it is decided outside, and so is TLS, unless
# server.ssl_cert is set. Variables win over a configuration file: these two are not for the file. The data directory
# has to be somewhere; with a database and audit.seal_key, nothing is kept there.
ENV KEDGE_LISTEN=0.0.0.0:8228 \
    KEDGE_SERVER__ALLOW_PLAIN_HTTP=true \
    KEDGE_DATA_DIR=/var/lib/kedge \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8228

# Kedge finishes what is in flight, for up to 30 seconds, and writes what is left: give it `docker stop --time 45`.
STOPSIGNAL SIGTERM
# It reads what the server reads: name a configuration file by KEDGE_CONFIG, not by --config, which it does not see.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/kedge", "healthcheck"]
ENTRYPOINT ["/kedge"]
CMD ["serve"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Kedge" \
      org.opencontainers.image.description="An open server for Anchore's V2 identity API" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="scratch"
