FROM $build_image AS build
$installer_environment
ENV NEXT_TELEMETRY_DISABLED=1
WORKDIR /app
$tool
# What is installed changes less often than the source: this layer is kept until the manifests change.
$copy_manifests
$install
COPY . .
RUN $build_command

FROM $run_image
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 KEEP_ALIVE_TIMEOUT=75000 PORT=$port
$environment
WORKDIR /app
# Next.js writes its cache below .next; nothing else has to be writable.
COPY --from=build --chown=1000:1000 /app/.next/standalone ./
COPY --from=build --chown=1000:1000 /app/.next/static ./.next/static
$copy_public
USER 1000:1000
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD ["node", "server.js"]
