FROM $build_image AS build
WORKDIR /app
# Dependencies change less often than the source: this layer is kept until the build files change.
$copy_manifests
$install
$copy_source
# A second archive ends in -plain or original: it holds the classes without what they need.
RUN $package_command \
    && find $artifacts -maxdepth 1 -name '*.jar' ! -name '*-plain.jar' ! -name '*-sources.jar' ! -name 'original-*' -exec cp {} /app/app.jar \; \
    && test -f /app/app.jar

FROM $run_image
# The heap follows the task's memory; SERVER_PORT is Spring's own setting.
ENV SERVER_PORT=$port PORT=$port JAVA_TOOL_OPTIONS="-XX:MaxRAMPercentage=75 -XX:+ExitOnOutOfMemoryError"
$environment
WORKDIR /app
COPY --from=build /app/app.jar ./app.jar
USER 10001:10001
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD $probe
CMD ["java", "-jar", "/app/app.jar"]
