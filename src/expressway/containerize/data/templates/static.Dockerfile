FROM $run_image
COPY nginx.conf /etc/nginx/nginx.conf
COPY $folder /usr/share/nginx/html
$hide_configuration
USER 101:101
EXPOSE $port
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s CMD $probe
CMD ["nginx", "-g", "daemon off;"]
