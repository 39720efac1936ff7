# The call that the tests of budgets make.

use strict;
use warnings;

our $model;

our $path = "/model/$model/converse";
$path =~ s/:/%3A/g;

# 91 bytes with maxTokens 10: at most 91 input and 10 output tokens
our $ask = '{"messages":[{"role":"user","content":[{"text":"Hi"}]}],'
    . '"inferenceConfig":{"maxTokens":10}}';

our $post = "POST $path\n$ask";

1;
