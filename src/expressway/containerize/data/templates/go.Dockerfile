FROM $build_image AS build
WORKDIR /app
# Modules change less often than the source: this layer is kept until go.mod or go.sum change.
$copy_manifests
$install
COPY . .
# Without cgo the program needs no library of the image that it runs in; it brings the time zones that this lacks.
RUN CGO_ENABLED=0 go build -tags timetzdata -trimpath -buildvcs=false -ldflags="-s -w" -o /out/app $package

FROM $run_image
ENV PORT=$port
$environment
WORKDIR /app
COPY --from=build /out/app /usr/local/bin/app
$copy_data
USER 65534:65534
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD $probe
CMD ["/usr/local/bin/app"]
