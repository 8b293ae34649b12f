# syntax=docker/dockerfile:1
# One static binary on nothing: no shell, no packages, no root.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/signet ./cmd/signet && \
    mkdir -p /out/data && mkdir -m 1777 /out/tmp

FROM scratch
# Outgoing TLS: database, mail, upstream providers, webhooks.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# SQLite sorts large results in temporary files.
COPY --from=build --chmod=1777 /out/tmp /tmp
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
COPY --from=build /out/signet /signet

# Numeric, so that runAsNonRoot can be checked without a user database.
USER 65532:65532
WORKDIR /data
# The default database lies in the volume. With PostgreSQL nothing is written
# and the container runs read-only.
ENV SIGNET_ADDR=0.0.0.0:8001 \
    SIGNET_DATABASE_URL=sqlite:/data/signet.db
VOLUME ["/data"]
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/signet", "healthcheck"]
ENTRYPOINT ["/signet"]
CMD ["serve"]

LABEL org.opencontainers.image.title="Signet" \
      org.opencontainers.image.description="OpenID Connect provider with instant revocation" \
      org.opencontainers.image.source="https://github.com/signet-idp/signet" \
      org.opencontainers.image.licenses="Apache-2.0"
