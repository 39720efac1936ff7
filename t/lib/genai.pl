# What every .t file needs: the module is loaded, the queue is in the test's
# own directory, and no test may leave an alert behind.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);

my $root = abs_path("$FindBin::Bin/..");
my $so = $ENV{GENAI_MODULE} // "$root/build/nginx/ngx_http_genai_module.so";

# with the module linked into the binary (sanitizers) there is none to load
our $load = $so eq 'static' ? '' : "load_module $so;";

our $prices = "genai_prices $root/conf.examples/prices.json;";

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();
($ENV{TEST_NGINX_SERVER_ROOT} = html_dir()) =~ s{/html$}{};

# not below the servroot, which is removed while a process may be at its end
my $spool = tempdir(CLEANUP => 1) . '/spool';

no_long_string();
no_root_location();
no_shuffle();

add_block_preprocessor(sub {
    my $block = shift;

    my $main = $block->main_config // '';
    $block->set_value('main_config', "$load\n$main");

    if (!defined $block->raw_http) {
        my $http = $block->http_config // '';

        # a call's line is in the log before its client sees the end
        $http = "lingering_close off;\n$http";

        $http = "genai_queue 4m path=$spool;\n$http"
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
