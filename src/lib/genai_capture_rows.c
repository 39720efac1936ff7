/*
 * Where requests and answers of all APIs have their texts.
 */

#include "genai_capture_int.h"


#define text(path, what)                                                      \
    { path, GENAI_JSON_STREAM, GENAI_LAST, GENAI_F_CAPTURE, what }
#define word(path, what)                                                      \
    { path, GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_CAPTURE, what }
#define here(path, what)                                                      \
    { path, GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_CAPTURE, what }
#define end(path, what)                                                       \
    { path, GENAI_JSON_END, GENAI_LAST, GENAI_F_CAPTURE, what }
#define tool(path, id, in)                                                    \
    word(path "." id, in(CAPTURE_TOOL_ID)),                                   \
    word(path ".name", in(CAPTURE_TOOL_NAME)),                                \
    end(path, in(CAPTURE_TOOL_END))
#define tool_call(path, in)                                                   \
    word(path ".id", in(CAPTURE_TOOL_ID)),                                    \
    word(path ".function.name", in(CAPTURE_TOOL_NAME)),                       \
    end(path, in(CAPTURE_TOOL_END))

/* at: "" or, for a stream that is one array, "[]." */
#define gemini_answer(at)                                                     \
    here(at "candidates[]", output(CAPTURE_MESSAGE)),                         \
    text(at "candidates[].content.parts[].text", output(CAPTURE_TEXT)),       \
    tool(at "candidates[].content.parts[].functionCall", "id", output)

#define input(what)   capture_arg(GENAI_CAPTURE_INPUT, what)
#define output(what)  capture_arg(GENAI_CAPTURE_OUTPUT, what)
#define system(what)  capture_arg(GENAI_CAPTURE_SYSTEM, what)
#define tools(what)   capture_arg(GENAI_CAPTURE_TOOLS, what)


static const genai_row_t  capture_request[] = {

    /* Converse, Claude, OpenAI's chat, and who speaks like them */

    here("messages[]", input(CAPTURE_MESSAGE)),
    word("messages[].role", input(CAPTURE_ROLE)),
    text("messages[].content", input(CAPTURE_TEXT)),
    text("messages[].content[].text", input(CAPTURE_TEXT)),
    text("messages[].content[].guardContent.text.text", input(CAPTURE_TEXT)),
    text("messages[].content[].reasoningContent.reasoningText.text",
         input(CAPTURE_REASONING)),
    text("messages[].content[].thinking", input(CAPTURE_REASONING)),
    text("messages[].content[].toolResult.content[].text",
         input(CAPTURE_RESULT)),
    text("messages[].content[].content", input(CAPTURE_RESULT)),
    text("messages[].content[].content[].text", input(CAPTURE_RESULT)),
    here("messages[].content[].image", input(CAPTURE_MEDIA)),
    here("messages[].content[].document", input(CAPTURE_MEDIA)),
    here("messages[].content[].video", input(CAPTURE_MEDIA)),
    here("messages[].content[].audio", input(CAPTURE_MEDIA)),
    here("messages[].content[].source", input(CAPTURE_MEDIA)),
    here("messages[].content[].image_url", input(CAPTURE_MEDIA)),
    here("messages[].content[].input_audio", input(CAPTURE_MEDIA)),
    here("messages[].content[].file", input(CAPTURE_MEDIA)),
    tool("messages[].content[].toolUse", "toolUseId", input),
    tool("messages[].content[]", "id", input),
    text("messages[].tool_plan", input(CAPTURE_TEXT)),
    tool_call("messages[].tool_calls[]", input),
    end("messages[]", input(CAPTURE_MESSAGE_END)),

    text("system", system(CAPTURE_PLAIN)),
    text("system[].text", system(CAPTURE_PLAIN)),
    text("system[].guardContent.text.text", system(CAPTURE_PLAIN)),
    word("toolConfig.tools[].toolSpec.name", tools(CAPTURE_DEFINITION)),
    word("tools[].name", tools(CAPTURE_DEFINITION)),
    word("tools[].function.name", tools(CAPTURE_DEFINITION)),

    /* OpenAI's Responses */

    here("input[]", input(CAPTURE_MESSAGE)),
    word("input[].role", input(CAPTURE_ROLE)),
    text("input[].content", input(CAPTURE_TEXT)),
    text("input[].content[].text", input(CAPTURE_TEXT)),
    end("input[]", input(CAPTURE_MESSAGE_END)),
    text("instructions", system(CAPTURE_PLAIN)),

    /* Gemini */

    here("contents[]", input(CAPTURE_MESSAGE)),
    word("contents[].role", input(CAPTURE_ROLE)),
    text("contents[].parts[].text", input(CAPTURE_TEXT)),
    here("contents[].parts[].inlineData", input(CAPTURE_MEDIA)),
    here("contents[].parts[].fileData", input(CAPTURE_MEDIA)),
    here("contents[].parts[].inline_data", input(CAPTURE_MEDIA)),
    here("contents[].parts[].file_data", input(CAPTURE_MEDIA)),
    tool("contents[].parts[].functionCall", "id", input),
    text("contents[].parts[].functionResponse.response.result",
         input(CAPTURE_RESULT)),
    text("contents[].parts[].functionResponse.response.output",
         input(CAPTURE_RESULT)),
    end("contents[]", input(CAPTURE_MESSAGE_END)),
    text("systemInstruction.parts[].text", system(CAPTURE_PLAIN)),
    text("system_instruction.parts[].text", system(CAPTURE_PLAIN)),
    word("tools[].functionDeclarations[].name", tools(CAPTURE_DEFINITION)),
    word("tools[].function_declarations[].name", tools(CAPTURE_DEFINITION)),

    /* one text: Titan, Llama, Mistral, Cohere; texts to embed */

    text("inputText", input(CAPTURE_PROMPT)),
    text("prompt", input(CAPTURE_PROMPT)),
    text("message", input(CAPTURE_PROMPT)),
    text("input", input(CAPTURE_PROMPT)),
    text("preamble", system(CAPTURE_PLAIN))
};


static const genai_row_t  capture_response[] = {

    /* Converse, and its events */

    text("output.message.content[].text", output(CAPTURE_TEXT)),
    text("output.message.content[].reasoningContent.reasoningText.text",
         output(CAPTURE_REASONING)),
    tool("output.message.content[].toolUse", "toolUseId", output),
    text("delta.text", output(CAPTURE_TEXT)),
    text("delta.reasoningContent.text", output(CAPTURE_REASONING)),
    tool("start.toolUse", "toolUseId", output),

    /* Claude, and its events */

    text("content[].text", output(CAPTURE_TEXT)),
    text("content[].thinking", output(CAPTURE_REASONING)),
    tool("content[]", "id", output),
    text("delta.thinking", output(CAPTURE_REASONING)),
    tool("content_block", "id", output),
    text("completion", output(CAPTURE_TEXT)),

    /* OpenAI */

    here("choices[].message", output(CAPTURE_MESSAGE)),
    text("choices[].message.content", output(CAPTURE_TEXT)),
    text("choices[].message.reasoning_content", output(CAPTURE_REASONING)),
    text("choices[].message.reasoning", output(CAPTURE_REASONING)),
    tool_call("choices[].message.tool_calls[]", output),
    text("choices[].text", output(CAPTURE_TEXT)),
    text("choices[].delta.content", output(CAPTURE_TEXT)),
    text("choices[].delta.reasoning_content", output(CAPTURE_REASONING)),
    text("choices[].delta.reasoning", output(CAPTURE_REASONING)),
    tool_call("choices[].delta.tool_calls[]", output),
    text("output[].content[].text", output(CAPTURE_TEXT)),
    text("response.output[].content[].text", output(CAPTURE_TEXT)),

    /* Gemini, Ollama, Cohere */

    gemini_answer(""),
    here("[]", output(CAPTURE_STREAM)),
    gemini_answer("[]."),
    text("message.content", output(CAPTURE_TEXT)),
    text("message.content[].text", output(CAPTURE_TEXT)),
    text("message.content[].thinking", output(CAPTURE_REASONING)),
    text("message.tool_plan", output(CAPTURE_TEXT)),
    tool_call("message.tool_calls[]", output),
    text("delta.message.content.text", output(CAPTURE_TEXT)),
    text("delta.message.content.thinking", output(CAPTURE_REASONING)),
    text("delta.message.tool_plan", output(CAPTURE_TEXT)),
    tool_call("delta.message.tool_calls", output),
    text("message.thinking", output(CAPTURE_REASONING)),
    text("response", output(CAPTURE_TEXT)),
    text("thinking", output(CAPTURE_REASONING)),

    /* Titan, Llama, Mistral, Cohere inside InvokeModel */

    text("results[].outputText", output(CAPTURE_TEXT)),
    text("outputText", output(CAPTURE_TEXT)),
    text("generation", output(CAPTURE_TEXT)),
    text("outputs[].text", output(CAPTURE_TEXT)),
    text("generations[].text", output(CAPTURE_TEXT)),
    text("text", output(CAPTURE_TEXT))
};


const genai_rows_t  genai_capture_request = genai_rows(capture_request);
const genai_rows_t  genai_capture_response = genai_rows(capture_response);
