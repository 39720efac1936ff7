# The call that the tests of budgets make; and each of them begins with
# nothing spent, also where one nginx is reloaded for all.

use strict;
use warnings;

our $model;

our $path = "/model/$model/converse";
$path =~ s/:/%3A/g;

# 91 bytes with maxTokens 10: at most 91 input and 10 output tokens
our $ask = '{"messages":[{"role":"user","content":[{"text":"Hi"}]}],'
    . '"inferenceConfig":{"maxTokens":10}}';

our $post = "POST $path\n$ask";

# what was spent outlives a reload as long as its zone is there, so between
# two tests there is a reload that takes all zones away
if ($ENV{TEST_NGINX_USE_HUP}) {
    my $none = "=== before\n--- config\n"
        . "location = / { return 204; }\n--- error_code: 204\n\n";

    my $spec = do { local $/; <main::DATA> };
    $spec =~ s/^(?==== TEST )/$none/mg;
    spec_string($spec);
}

1;
