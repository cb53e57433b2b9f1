$vendor_stage
FROM $run_image
# Apache listens on a port that an ordinary user may open, and serves the public folder.
RUN sed -ri 's/^Listen 80$$/Listen $port/' /etc/apache2/ports.conf \
    && sed -ri 's!<VirtualHost \*:80>!<VirtualHost *:$port>!; s!/var/www/html!$document_root!' /etc/apache2/sites-available/000-default.conf \
    && echo 'ServerName localhost' >> /etc/apache2/apache2.conf \
    && printf '<Directory $document_root>\n    AllowOverride All\n    Require all granted\n</Directory>\n' > /etc/apache2/conf-enabled/app.conf \
    && a2enmod rewrite
$environment
WORKDIR /var/www/html
$copy_app
$prepare
# The user that Apache itself has.
USER 33:33
EXPOSE $port
# Apache finishes the requests that it is answering when it is stopped with this signal.
STOPSIGNAL SIGWINCH
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD $probe
CMD ["apache2-foreground"]
