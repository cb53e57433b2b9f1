FROM $build_image AS build
WORKDIR /app
# Crates change less often than the source: they are compiled with an empty program, and kept until the manifests change.
$copy_manifests
RUN mkdir -p $source_folders \
    && $empty_programs \
    && cargo build --release$locked \
    && rm $source_files
COPY . .
RUN touch $source_files && cargo build --release$locked --bin $binary \
    && cp target/release/$binary /usr/local/bin/app

FROM $run_image
ENV PORT=$port
$environment
WORKDIR /app
# For calls over HTTPS; the slim image has no certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /usr/local/bin/app /usr/local/bin/app
$copy_data
USER 65534:65534
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD $probe
CMD $start
