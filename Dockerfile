# syntax=docker/dockerfile:1
# One validator. Mount its directory (node.toml, keys, tls; data is written there) at /var/lib/hanchain:
#   docker run -v "$PWD/net/node0:/var/lib/hanchain" -v "$PWD/net/genesis.json:/var/lib/genesis.json:ro" hanchain

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY hanchain hanchain
COPY consensus consensus
COPY contracts contracts
COPY p2p p2p
COPY storage storage
RUN python -m venv /opt/hanchain \
    && /opt/hanchain/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/hanchain --create-home hanchain
COPY --from=build /opt/hanchain /opt/hanchain
ENV PATH="/opt/hanchain/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HANCHAIN_LOG_FORMAT=json
USER hanchain
WORKDIR /var/lib/hanchain
VOLUME /var/lib/hanchain
# 26600: links between validators; 8600: HTTP API. A node.toml for a container listens on 0.0.0.0.
EXPOSE 26600 8600
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["hanchain", "node", "status", "--url", "http://127.0.0.1:8600"]
ENTRYPOINT ["hanchain"]
CMD ["node", "run", "/var/lib/hanchain/node.toml"]
