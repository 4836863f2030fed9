# syntax=docker/dockerfile:1
# Two stages, so that the image has no toolchain. Queries are checked with the data in .sqlx, so the build needs no
# database.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package parlor \
    && cp target/release/parlor /usr/local/bin/parlor

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin parlor
COPY --from=build /usr/local/bin/parlor /usr/local/bin/parlor
USER 10001
ENV PARLOR__SERVER__ADDRESS=0.0.0.0:8080
EXPOSE 8080
# Give a container more time between SIGTERM and SIGKILL than server.stop_within_ms.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --retries=3 CMD curl --fail --silent --output /dev/null http://127.0.0.1:8080/readyz || exit 1
ENTRYPOINT ["parlor"]
CMD ["serve"]
