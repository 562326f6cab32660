# SPDX-License-Identifier: MIT
# Mailhatch in an image that holds the program, the libraries it links to and CA certificates: no
# shell, no package manager, not root.
#   docker build -t mailhatch .
# Without settings it listens on the loopback of the network it shares with the application (a
# sidecar). To publish it: MAILHATCH_LISTEN=0.0.0.0:8080 and MAILHATCH_API_KEY_FILE; docs/deploy.md.
ARG BASE=debian:12-slim
FROM ${BASE} AS build
WORKDIR /src
COPY script/common.sh script/setup script/
RUN script/setup build image && rm -rf /var/lib/apt/lists/*
COPY . .
RUN script/image-root /image

FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Mailhatch" \
      org.opencontainers.image.description="HTTP to SMTP mail gateway" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image/ /
USER 65532:65532
WORKDIR /var/lib/mailhatch
VOLUME /var/lib/mailhatch
ENV MAILHATCH_DATA_DIR=/var/lib/mailhatch
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, not ready: a relay that is down is no reason to restart the container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/usr/bin/mailhatch", "healthcheck", "--live"]
ENTRYPOINT ["/usr/bin/mailhatch"]
CMD ["serve"]
