FROM $build_image AS build
$installer_environment
WORKDIR /app
$tool
# What is installed changes less often than the source: this layer is kept until the manifests change.
$copy_manifests
$install
$build

FROM $run_image
ENV NODE_ENV=production PORT=$port
$environment
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY . .
$copy_built
USER 1000:1000
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD $start
