<?php

use Illuminate\Support\Facades\Route;

Route::get('/up', fn () => 'ok');
Route::get('/', fn () => view('welcome', ['framework' => 'laravel']));
