# SPDX-License-Identifier: MIT
# Mailhatch as a sidecar: it listens on the loopback of the network it shares with the application.
# To publish it, set MAILHATCH_LISTEN=0.0.0.0:8080 and MAILHATCH_API_KEY_FILE.
FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN script/setup build && cmake --preset release && cmake --build --preset release --target mailhatch \
    && strip build/release/mailhatch

FROM debian:12-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
        ca-certificates libcurl4 libh2o0.13 libidn2-0 libjansson4 libopendkim11 libsqlite3-0 libssl3 libuv1 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/mailhatch --create-home mailhatch
COPY --from=build /src/build/release/mailhatch /usr/bin/mailhatch
USER mailhatch
WORKDIR /var/lib/mailhatch
# Accepted mail lives here until it is delivered: mount a volume of a local disk on it.
ENV MAILHATCH_DATA_DIR=/var/lib/mailhatch
VOLUME /var/lib/mailhatch
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["mailhatch"]
CMD ["serve"]
