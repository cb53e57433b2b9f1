FROM $build_image AS build
$tool
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$$PATH
RUN python -m venv /opt/venv
WORKDIR /app
$installer_environment
# What is installed changes less often than the source: this layer is kept until the manifests change.
$copy_manifests
$install

FROM $run_image
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin app
ENV PATH=/opt/venv/bin:$$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=$port
$environment
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
$prepare
USER 10001:10001
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD $start
