FROM $build_image AS build
$installer_environment
ENV NEXT_TELEMETRY_DISABLED=1
WORKDIR /app
$tool
# What is installed changes less often than the source: this layer is kept until the manifests change.
$copy_manifests
$install
COPY . .
RUN $build_command && $prune

FROM $run_image
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 PORT=$port
$environment
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY . .
# Next.js writes its cache below .next; nothing else has to be writable.
COPY --from=build --chown=1000:1000 /app/.next ./.next
USER 1000:1000
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD $start
