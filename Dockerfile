# syntax=docker/dockerfile:1
# One image for worker, enqueue and simulator: static binaries on an empty file system, run by an unprivileged user.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=dev
ARG REVISION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/var/cache/go-build \
    GOCACHE=/var/cache/go-build CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -tags timetzdata -ldflags "-s -w -X ksefworker/internal/buildinfo.version=$VERSION -X ksefworker/internal/buildinfo.revision=$REVISION" -o /out/ \
    ./cmd/worker ./cmd/enqueue ./cmd/simulator
# A new volume takes over the owner of the folder in the image on which it is mounted. So the folders must exist and belong to the user.
RUN mkdir -p /root-fs/var/lib/ksef/archive /root-fs/var/spool/ksef /root-fs/tmp /root-fs/etc/ksef && \
    echo 'ksef:x:65532:65532:ksef:/nonexistent:/nologin' > /root-fs/etc/passwd && \
    echo 'ksef:x:65532:' > /root-fs/etc/group && \
    chmod 1777 /root-fs/tmp

FROM scratch
ARG VERSION=dev
ARG REVISION=
LABEL org.opencontainers.image.title="ksefworker" \
      org.opencontainers.image.description="Sends invoices (FA XML) to KSeF, the Polish National e-Invoice System" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /root-fs/etc/ /etc/
COPY --from=build --chown=65532:65532 /root-fs/var/ /var/
COPY --from=build /root-fs/tmp /tmp
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/bin
USER 65532:65532
# Docker sends SIGTERM by default: the worker finishes its running tasks within worker.shutdown_timeout.
ENTRYPOINT ["worker"]
