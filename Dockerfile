# The image: one binary, the C library it is linked to, and nothing that could be a shell.
# Build it with `docker build -t vestibule .`; run it with `docker compose up`.
# The digest decides which base is used, and the tag says what it is; docs/operations.md has how to
# move both.

FROM rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS build
WORKDIR /build

# The dependencies first, compiled against empty sources, so that this slow layer is rebuilt only
# when a manifest changes. `cargo clean` then forgets the empty packages: their files may be newer
# than the real ones, and cargo goes by time.
COPY Cargo.toml Cargo.lock ./
COPY benches/Cargo.toml benches/
COPY migrations/Cargo.toml migrations/
RUN mkdir src migrations/src \
    && echo 'fn main() {}' > build.rs \
    && cp build.rs src/main.rs \
    && touch src/lib.rs migrations/src/lib.rs \
    && cargo build --workspace --locked --release \
    && cargo clean --release -p vestibule -p migrations

COPY askama.toml build.rs ./
COPY proto proto
COPY migrations migrations
COPY src src
# `docker build --build-arg VESTIBULE_COMMIT=$(git rev-parse --short=12 HEAD) .` puts the commit into
# `vestibule version`; the repository itself does not enter the build.
ARG VESTIBULE_COMMIT
# The final image has no shell to make the data folder with, so it is made here.
RUN cargo build --workspace --locked --release \
    && install -d -m 0700 /data/vestibule

FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
COPY LICENSE* /usr/share/doc/vestibule/
COPY --from=build /build/target/release/vestibule /usr/local/bin/
# The folder itself is copied into its parent, because only what is copied gets the owner.
COPY --from=build --chown=65532:65532 /data/ /var/lib/

# A container is reached from outside, so it listens on every address; publish the ports with care.
# SQLite sorts large indexes in files: they go where the database is, the only writable place.
# The C library asks for huge pages, which make hashes some 6 % cheaper: docs/adr/0006.
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
    VESTIBULE_GRPC_LISTEN=0.0.0.0:50051 \
    VESTIBULE_REST_LISTEN=0.0.0.0:8080 \
    VESTIBULE_OPERATIONS_LISTEN=0.0.0.0:9090 \
    VESTIBULE_DATABASE_URL=sqlite:///var/lib/vestibule/vestibule.db \
    SQLITE_TMPDIR=/var/lib/vestibule

USER 65532:65532
VOLUME /var/lib/vestibule
EXPOSE 50051 8080 9090
# It asks the gRPC health service, so it is healthy when the database answers and is migrated.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/vestibule", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/vestibule"]
CMD ["serve"]
