# What every .t file needs: the module is loaded, the queue is in the test's
# own directory, and no test may leave an alert behind.

use strict;
use warnings;

use Cwd qw(abs_path);

my $root = abs_path("$FindBin::Bin/..");
my $so = $ENV{GENAI_MODULE} // "$root/build/nginx/ngx_http_genai_module.so";

# with the module linked into the binary (sanitizers) there is none to load
our $load = $so eq 'static' ? '' : "load_module $so;";

our $prices = "genai_prices $root/conf.examples/prices.json;";

no_long_string();
no_root_location();

add_block_preprocessor(sub {
    my $block = shift;

    my $main = $block->main_config // '';
    $block->set_value('main_config', "$load\n$main");

    if (!defined $block->raw_http) {
        my $http = $block->http_config // '';

        $http = "genai_queue 4m path=" . html_dir() . "/../spool;\n$http"
            unless $http =~ /genai_queue/;
        $http = "genai_zone zone=genai:2m;\n$http"
            unless $http =~ /genai_zone/;
        $http = "$prices\n$http" unless $http =~ /genai_prices/;

        $block->set_value('http_config', $http);
    }

    if (!defined $block->no_error_log && !defined $block->must_die) {
        $block->set_value('no_error_log', "[alert]\n[crit]\n[emerg]\n");
    }

    if (!defined $block->request && !defined $block->raw_request) {
        $block->set_value('request', 'GET /');
    }
});

1;
