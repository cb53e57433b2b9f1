<?php

// Packs Laravel and all that it needs, out of Debian's PHP packages, into an archive that Composer takes for the package
// laravel/framework. Debian's own autoloaders come along: they name each other below one folder.
const SOURCE = '/usr/share/php/';

$found = new RecursiveDirectoryIterator(SOURCE, FilesystemIterator::SKIP_DOTS | FilesystemIterator::FOLLOW_SYMLINKS);
mkdir('/packages');
$archive = new ZipArchive();
$archive->open('/packages/laravel-framework.zip', ZipArchive::CREATE);
foreach (new RecursiveIteratorIterator($found) as $file) {
    $path = substr($file->getPathname(), strlen(SOURCE));
    if (!str_starts_with($path, 'Composer/')) {
        $archive->addFile($file->getPathname(), $path);
    }
}
$manifest = ['name' => 'laravel/framework', 'version' => '8.83.26', 'autoload' => ['files' => ['load.php']]];
$archive->addFromString('composer.json', json_encode($manifest));
$archive->addFromString(
    'load.php',
    '<?php set_include_path(__DIR__.PATH_SEPARATOR.get_include_path()); require_once "Illuminate/autoload.php";'
);
$archive->close();
