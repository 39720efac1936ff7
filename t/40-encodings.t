# Bodies with a content coding: metered beside their way, never changed.

use FindBin;
use Test::Nginx::Socket 'no_plan';

use Compress::Zlib qw(memGzip compress);

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";

our ($answer, $model);

our $port = $ENV{TEST_NGINX_UPSTREAM_PORT} + 1;
our $gzipped = memGzip($answer);
our $deflated = compress($answer);
our $ask = '{"messages":[{"role":"user","content":[{"text":"hi"}]}],'
    . '"inferenceConfig":{"maxTokens":77}}';

# an upstream that packs its answers by itself
our $packed = <<"_EOC_";
    server {
        listen 127.0.0.1:$port;
        location / {
            gzip on; gzip_min_length 0; gzip_types *; gzip_http_version 1.0;
            gzip_proxied any;
            default_type application/json;
            return 200 '$answer';
        }
    }
_EOC_

run_tests();

__DATA__

=== TEST 1: a gzip answer is metered, and goes to the client as it came
--- http_config eval: $::packed
--- config eval
"location /model/ {
    genai bedrock;
    proxy_set_header Accept-Encoding gzip;
    proxy_pass http://127.0.0.1:$::port;
}"
--- request eval
"POST /model/$::model/converse\n$::ask"
--- response_headers
Content-Encoding: gzip
--- response_body_filters eval
sub { Compress::Zlib::memGunzip($_[0]) }
--- response_body eval: $::answer
--- error_log
in=25 out=5 total=30
stop=end_turn src=body err= skip= status=200.


=== TEST 2: a gzip request is read; the upstream gets its bytes
--- config
location /model/ {
    genai bedrock;
    proxy_pass @UP@;
}
--- more_headers
Content-Encoding: gzip
--- request eval
"POST /model/$::model/converse\n" . Compress::Zlib::memGzip($::ask)
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30
skip= status=200.


=== TEST 3: a coding that is not known is passed on and flagged
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- more_headers
Content-Encoding: compress
--- request eval
"POST /model/$::model/converse\n\0\0\0"
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30
skip=encoded status=200.


=== TEST 4: gunzip for a client that takes no gzip: metered once, plain to it
--- http_config eval: $::packed
--- config eval
"location /model/ {
    genai bedrock;
    gunzip on;
    proxy_set_header Accept-Encoding gzip;
    proxy_pass http://127.0.0.1:$::port;
}"
--- request eval
"POST /model/$::model/converse\n$::ask"
--- response_headers
!Content-Encoding
--- response_body eval: $::answer
--- error_log
in=25 out=5 total=30


=== TEST 5: an error_page in the middle: the second location reads the request
--- config
location /model/ {
    genai bedrock;
    proxy_pass http://127.0.0.1:1;
    error_page 502 = @other;
}
location @other { genai bedrock; proxy_pass @UP@; }
--- more_headers
Content-Encoding: gzip
--- request eval
"POST /model/$::model/converse\n" . Compress::Zlib::memGzip($::ask)
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30
err= skip= status=200.
