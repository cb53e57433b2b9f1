hello from {{ $framework }}
