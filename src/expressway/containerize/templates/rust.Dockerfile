FROM $build_image AS build
WORKDIR /app
# Crates change less often than the source: they are compiled with an empty program, and kept until the manifests change.
$copy_manifests
RUN mkdir -p $source_folder && echo 'fn main() {}' > $source_file \
    && cargo build --release $locked \
    && rm -rf $source_folder
COPY . .
RUN touch $source_file && cargo build --release $locked --bin $binary \
    && cp target/release/$binary /usr/local/bin/app

FROM $run_image
ENV PORT=$port
$environment
WORKDIR /app
COPY --from=build /usr/local/bin/app /usr/local/bin/app
$copy_data
USER 65534:65534
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD $probe
CMD $start
