FROM $build_image AS build
$installer_environment
WORKDIR /app
$tool
# What is installed changes less often than the source: this layer is kept until the manifests change.
$copy_manifests
$install
COPY . .
RUN $build_command

FROM $web_image
COPY nginx.conf /etc/nginx/nginx.conf
COPY --from=build /app/$output /usr/share/nginx/html
USER 101:101
EXPOSE $port
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s CMD $probe
CMD ["nginx", "-g", "daemon off;"]
