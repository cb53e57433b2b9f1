$vendor_stage
FROM $run_image
# PHP logs errors rather than showing them. Apache listens on a port that an ordinary user may open, serves the public
# folder without hidden files, and keeps no connection that it might close just as the load balancer asks on it.
RUN mv "$$PHP_INI_DIR/php.ini-production" "$$PHP_INI_DIR/php.ini" \
    && sed -ri 's/^Listen 80$$/Listen $port/' /etc/apache2/ports.conf \
    && sed -ri 's!<VirtualHost \*:80>!<VirtualHost *:$port>!; s!/var/www/html!$document_root!' /etc/apache2/sites-available/000-default.conf \
    && printf '%s\n' 'ServerName localhost' 'KeepAlive Off' \
        '<Directory $document_root>' '    AllowOverride All' '    Require all granted' '</Directory>' \
        '<FilesMatch "^([.]|composer[.](json|lock)$$)">' '    Require all denied' '</FilesMatch>' > /etc/apache2/conf-enabled/app.conf \
    && a2enmod rewrite
$system
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
