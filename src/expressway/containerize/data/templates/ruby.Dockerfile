FROM $build_image AS build
$installer_environment
WORKDIR /app
# Gems change less often than the source: this layer is kept until the Gemfile or its lock change.
$copy_manifests
$install

FROM $run_image
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin app
$installer_environment
ENV RACK_ENV=production APP_ENV=production PORT=$port
$environment
WORKDIR /app
COPY --from=build /usr/local/bundle /usr/local/bundle
COPY . .
# What was installed is fixed: without it, Bundler would look for other gems when it starts.
COPY --from=build /app/Gemfile.lock ./
$prepare
USER 10001:10001
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD $start
