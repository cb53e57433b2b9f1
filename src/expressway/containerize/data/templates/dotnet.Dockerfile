FROM $build_image AS build
WORKDIR /source
# Packages change less often than the source: this layer is kept until the project files change.
$copy_manifests
RUN dotnet restore $project$locked
COPY . .
RUN dotnet publish $project --configuration Release --no-restore --output /out

FROM $run_image
ENV ASPNETCORE_HTTP_PORTS=$port PORT=$port DOTNET_EnableDiagnostics=0
$environment
WORKDIR /app
COPY --from=build /out ./
# The user that the image brings for this.
USER 1654:1654
EXPOSE $port
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD $probe
CMD ["dotnet", "$assembly.dll"]
