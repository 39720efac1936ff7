# A stand-in for the model endpoint inside the tested nginx: files of the
# corpus are answers, and access_log writes the facts where error_log looks.

use strict;
use warnings;

our $facts = <<'_EOC_';
    log_format facts 'FACTS api=$genai_api op=$genai_operation '
                     'step=$genai_step model=$genai_model '
                     'in=$genai_input_tokens out=$genai_output_tokens '
                     'cr=$genai_cache_read_tokens '
                     'cw=$genai_cache_write_tokens total=$genai_total_tokens '
                     'cost=$genai_cost stop=$genai_stop_reason '
                     'src=$genai_usage_source err=$genai_error '
                     'skip=$genai_skip_reason tools=$genai_tools '
                     'status=$status .';
    client_max_body_size 25m;
_EOC_

1;
