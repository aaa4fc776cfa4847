# The command line, run as a user without rights:  docker run --rm IMAGE probe http://host:8000/v1 -m qwen3
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir /wheels/*.whl \
    && useradd --create-home --uid 10001 harness \
    && install --directory --owner=harness /work
# By its number, as Kubernetes wants to see that it is not root.
USER 10001
# The recordings are unpacked into the image, so that it runs with a read-only file system.
RUN harness explain deepseek > /dev/null
WORKDIR /work
ENTRYPOINT ["harness"]
CMD ["--help"]
