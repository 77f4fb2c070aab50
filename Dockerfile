# The image of podname: docker build -t podname .      See docs/image.md.
#
# Any base with Python 3.11 or newer (with venv) and glibc does; BUILDER needs a Rust toolchain, a C linker and a glibc
# that is not newer than BASE's. Without `cargo` in BUILDER podname goes without its native engine, and says so.
ARG BASE=python:3.13-slim-bookworm
ARG BUILDER=rust:1-slim-bookworm

# podname's wheel.
FROM ${BUILDER} AS wheel
WORKDIR /build
RUN python3 -c 'import ensurepip' || \
    { apt-get update && apt-get install --yes --no-install-recommends python3-venv; }
COPY requirements/build.txt requirements/
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY _build _build
COPY rust rust
COPY examples examples
COPY src src
RUN command -v cargo || echo 'BUILDER HAS NO cargo: AN IMAGE WITHOUT THE NATIVE ENGINE' >&2
RUN /venv/bin/pip wheel --verbose --no-deps --no-index --no-build-isolation --wheel-dir /wheel .

# What runs: the dependencies and podname, compiled to bytecode, and nothing that installs.
FROM ${BASE} AS venv
COPY requirements/runtime.txt /
RUN python3 -m venv /opt/podname && \
    /opt/podname/bin/pip install --no-cache-dir --no-compile --require-hashes -r /runtime.txt
COPY --from=wheel /wheel /wheel
RUN cd /opt/podname && \
    bin/pip install --no-cache-dir --no-compile --no-deps --no-index /wheel/*.whl && \
    bin/pip list --format=freeze | sed -n 's/^\(pip\|setuptools\)=.*/\1/p' | xargs bin/pip uninstall --yes
# All bytecode that is needed, the standard library's too (official images have none): the root is read-only later.
ENV PYTHONPYCACHEPREFIX=/opt/podname/bytecode
RUN cd /opt/podname && bin/python3 -m compileall -q lib && \
    bin/python3 -c 'import importlib, pkgutil, podname; [importlib.import_module(found.name) \
      for found in pkgutil.walk_packages(podname.__path__, "podname.") if not found.name.endswith("__main__")]'
# The capability to bind to port 53, for pods that add NET_BIND_SERVICE, on this venv's own copy of Python: as permitted,
# and not as effective, with which no pod could start that does not add it. podname uses it while it binds
# (src/podname/engine/privilege.py), and has none of it in all other pods.
RUN cd /opt/podname/bin && cp --remove-destination "$(readlink -f python3)" python3 && \
    python3 -c 'import os, struct; os.setxattr("python3", "security.capability", struct.pack("<5I", 2 << 24, 1 << 10, 0, 0, 0))'

FROM ${BASE}
LABEL org.opencontainers.image.title="podname" \
      org.opencontainers.image.description="Every Kubernetes pod reachable by its own name: a cluster DNS server" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=venv /opt/podname /opt/podname
ENV PATH=/opt/podname/bin:/usr/local/bin:/usr/bin:/bin PYTHONPYCACHEPREFIX=/opt/podname/bytecode
USER 65532:65532
EXPOSE 53/udp 53/tcp
ENTRYPOINT ["podname"]
