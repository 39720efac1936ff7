"""Knowledge bases, OpenSearch, vector stores."""

from corpus import event
from direct import CHAT, RERANK, SEARCH, Direct, compact, vector

AGENT = dict(api="bedrock_agent", provider="aws.bedrock", region="us-east-1",
             host="bedrock-agent-runtime.us-east-1.amazonaws.com")
RID = dict(rid="x-amzn-RequestId")
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"


def retrieve():
    ask = {"retrievalQuery": {"text": "why", "type": "TEXT"},
           "retrievalConfiguration": {"vectorSearchConfiguration": {
               "numberOfResults": 5, "overrideSearchType": "HYBRID"}},
           "guardrailConfiguration": {"guardrailId": "gr-1",
                                      "guardrailVersion": "2"}}
    facts = dict(prompt_chars=3, top_k_requested=5, guardrail_id="gr-1",
                 guardrail_version="2", data_source="KB12345678",
                 retrieval_method="hybrid", **SEARCH)

    def call(name, **more):
        return Direct("agent/" + name, op="Retrieve", body=ask,
                      path="/knowledgebases/KB12345678/retrieve",
                      **facts, **AGENT, **more)

    def hit(n, score=None):
        doc = {"content": {"type": "TEXT", "text": "…"},
               "documentId": "d%d" % n, "location": {"type": "S3"}}
        return doc if score is None else dict(doc, score=score)
    c = call("retrieve").answer({
        "retrievalResults": [hit(1, 0.75), hit(2, 0.5), hit(3)],
        "guardrailAction": "NONE", "nextToken": None}, **RID)
    yield c.expect(documents=3, score_count=2, score_top=0.75, docs="d1,d2,d3",
                   stop_reason="NONE", finish="other")

    c = call("retrieve-guarded").answer({
        "retrievalResults": [], "guardrailAction": "INTERVENED"}, **RID)
    yield c.expect(documents=0, stop_reason="INTERVENED",
                   finish="content_filter")

    c = call("retrieve-404").answer(
        {"message": "Knowledge base does not exist"}, "404 Not Found",
        headers=[("x-amzn-ErrorType", "ResourceNotFoundException")], **RID)
    yield c.failed("ResourceNotFoundException",
                   "Knowledge base does not exist")

    model = ("arn:aws:bedrock:us-east-1::foundation-model/"
             "amazon.rerank-v1:0")
    c = Direct("agent/rerank", op="Rerank", path="/rerank", body={
        "queries": [{"type": "TEXT", "textQuery": {"text": "why"}}],
        "sources": [{"type": "INLINE", "inlineDocumentSource": {
            "type": "TEXT", "textDocument": {"text": "a"}}}] * 101,
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": 2,
                "modelConfiguration": {"modelArn": model}}}},
        **RERANK, **AGENT, model=model)
    c.answer({"results": [{"index": 1, "relevanceScore": 0.5},
                          {"index": 0, "relevanceScore": 0.25}]}, **RID)
    c.expect(prompt_chars=3, search_units=101, top_k_requested=2,
             documents=2, score_count=2, score_top=0.5)
    c.facts["cost_pico"] = 2 * 1000 * 1000000
    yield c


def generate():
    at = {"type": "KNOWLEDGE_BASE", "knowledgeBaseConfiguration": {
        "knowledgeBaseId": "KB12345678", "modelArn": NOVA,
        "retrievalConfiguration": {"vectorSearchConfiguration": {
            "numberOfResults": 4}},
        "generationConfiguration": {"inferenceConfig": {
            "textInferenceConfig": {"maxTokens": 80, "temperature": 0.5,
                                    "topP": 0.9}}}}}
    ask = {"input": {"text": "why"}, "retrieveAndGenerateConfiguration": at}
    facts = dict(CHAT, model=NOVA, data_source="KB12345678", prompt_chars=3,
                 top_k_requested=4, max_tokens=80, temperature=0.5, top_p=0.9,
                 skip="no_usage")
    cited = {"generatedResponsePart": {"textResponsePart": {"text": "x"}},
             "retrievedReferences": [{"content": {}}, {"content": {}}]}
    c = Direct("agent/generate", op="RetrieveAndGenerate", body=ask,
               path="/retrieveAndGenerate", **facts, **AGENT)
    c.answer({"sessionId": "s", "output": {"text": "So"},
              "guardrailAction": "NONE", "citations": [cited, cited]}, **RID)
    yield c.expect(output_chars=2, documents=4, stop_reason="NONE",
                   finish="other")

    def stream(name, events, op="RetrieveAndGenerateStream", body=ask,
               **more):
        c = Direct("agent/" + name, op=op, body=body, stream=1,
                   path="/" + op[0].lower() + op[1:], **more, **AGENT)
        return c.answer(events, ctype="application/vnd.amazon.eventstream",
                        **RID)
    said = [event("output", {"text": "So"}), event("output", {"text": "."}),
            event("citation", cited)]
    c = stream("generate-stream", said, **facts)
    yield c.expect(events=3, text_events=2, output_chars=3, documents=2)

    c = stream("generate-stream-guarded", said + [
        event("guardrail", {"action": "INTERVENED"})], **facts)
    yield c.expect(events=4, text_events=2, output_chars=3, documents=2,
                   stop_reason="INTERVENED", finish="content_filter")

    c = stream("generate-stream-cut", said[:2] + [said[2][:30]],
               end="cut", **facts)
    c.expect(events=2, text_events=2, output_chars=3, truncated=1,
             finish="error")
    yield c.failed("truncated_response")

    c = stream("agentic", [
        event("traceEvent", {"attributes": {"step": "Planning"}}),
        event("responseEvent", {"text": "So"}),
        event("result", {"results": [{}, {}]})], "AgenticRetrieveStream",
        {"messages": [{"content": {"text": "why"}}]}, **SEARCH,
        skip="no_usage")
    yield c.expect(messages=1, events=3, text_events=1, output_chars=2,
                   documents=2)


OS = dict(api="opensearch", host="c1.us-east-1.aoss.amazonaws.com",
          region="us-east-1")
NONE = dict(rid=None)


def hits(ids, top=0.75):
    return {"total": {"value": 30, "relation": "eq"}, "max_score": top,
            "hits": [{"_index": "kb", "_id": i, "_score": s,
                      "_source": {"_id": "no", "_score": 9}}
                     for i, s in ids]}


def found(ids, took=7, late=False, failed=0):
    return {"took": took, "timed_out": late, "_shards": {
        "total": 5, "successful": 5 - failed, "failed": failed},
        "hits": hits(ids)}


def opensearch():
    knn = {"size": 3, "query": {"knn": {"v": {"vector": vector(32),
                                              "k": 10}}}}
    facts = dict(top_k_requested=3, embedding_dimension=32,
                 retrieval_method="vector", **SEARCH)
    three = [("a1", 0.75), ("a2", 0.5), ("a3", 0.25)]
    got = dict(documents=3, score_count=3, score_top=0.75, docs="a1,a2,a3",
               server_latency_ms=7)

    def call(name, body=knn, path="/kb/_search", op="Search",
             data_source="kb", **more):
        return Direct("opensearch/" + name, op=op, path=path, body=body,
                      data_source=data_source, **dict(OS, **more))
    c = call("search", **facts).answer(found(three), **NONE)
    yield c.expect(**got)

    c = call("search-get", {"query": {"neural": {"v": {
        "query_text": "why", "k": 4}}}}, "/_search?search_pipeline=p",
        data_source=None, method="GET", top_k_requested=4, prompt_chars=3,
        retrieval_method="vector", **SEARCH).answer(found(three), **NONE)
    yield c.expect(**got)

    # what it goes by: the clauses that score, not those that filter
    words = {"match": {"body": "why"}}
    nearest = {"knn": {"v": {"vector": [1, 2], "k": 2}}}
    for name, method, query in (
            ("keyword", "keyword", {"multi_match": {"query": "why"}}),
            ("bool", "keyword", {"bool": {"must": [words], "filter": {
                "knn": {"v": {"vector": [1], "k": 1}}}}}),
            ("bool-hybrid", "hybrid", {"bool": {"must": words,
                                                "should": [nearest]}}),
            ("hybrid", "hybrid", {"hybrid": {"queries": [words, nearest]}}),
            ("all", None, {"match_all": {}})):
        c = call("by-" + name, {"query": query}, retrieval_method=method,
                 **SEARCH).answer(found(three), **NONE)
        yield c.expect(**got)

    # sorted, and the total left out or a number
    doc = found([("a1", None)])
    doc["hits"]["total"] = 30
    yield call("search-sorted", **facts).answer(doc, **NONE).expect(
        documents=1, docs="a1", server_latency_ms=7)

    c = call("search-late", **facts).answer(found(three, late=True), **NONE)
    yield c.failed("timed_out", **got, finish="error")

    c = call("search-partial", **facts).answer(found(three, failed=2), **NONE)
    yield c.failed("shards_failed", **got, finish="error")

    c = call("status-404", **facts).answer({"error": {
        "root_cause": [{"type": "no", "reason": "no"}],
        "type": "index_not_found_exception", "reason": "no such index"},
        "status": 404}, "404 Not Found", **NONE)
    yield c.failed("index_not_found_exception", "no such index")

    c = call("status-403", **facts).answer(
        {"Message": "User is not authorized"}, "403 Forbidden", **NONE)
    yield c.failed("403", "User is not authorized")

    many = "{\"index\":\"kb\"}\n" + compact(knn) + "\n"
    c = call("msearch", many * 2, "/_msearch", "MultiSearch", None, **SEARCH)
    c.answer({"took": 9, "responses": [
        dict(found(three[:2]), status=200),
        dict(found(three[2:]), status=200)]}, **NONE)
    yield c.expect(documents=3, score_count=3, score_top=0.75,
                   docs="a1,a2,a3", server_latency_ms=9)

    c = call("msearch-error", many * 2, "/kb/_msearch", "MultiSearch",
             **SEARCH)
    c.answer({"took": 9, "responses": [
        dict(found(three[:2]), status=200),
        {"error": {"root_cause": [], "type": "index_not_found_exception",
                   "reason": "no such index"}, "status": 404}]}, **NONE)
    yield c.failed("index_not_found_exception", "no such index", documents=2,
                   score_count=2, score_top=0.75, docs="a1,a2",
                   server_latency_ms=9, finish="error")


def stores():
    def call(name, op, path, body, provider, host="127.0.0.1:9", **more):
        return Direct("vectordb/" + name, "vectordb", op, path, host, body,
                      provider, **SEARCH, **more)
    vec = vector(16)

    c = call("pinecone", "PineconeQuery", "/query", {
        "vector": vec, "topK": 2, "namespace": "ns"}, "pinecone",
        "i-1.svc.aped-1.pinecone.io", data_source="ns")
    c.answer({"matches": [{"id": "a", "score": 0.75, "values": []},
                          {"id": "b", "score": 0.5}], "namespace": "ns",
              "usage": {"readUnits": 6}}, **NONE)
    yield c.expect(documents=2, score_count=2, score_top=0.75, docs="a,b",
                   top_k_requested=2, embedding_dimension=16,
                   retrieval_method="vector")

    points = [{"id": "u-1", "version": 1, "score": 0.75},
              {"id": 7, "version": 1, "score": 0.5}]
    for name, op, last, key, result in (
            ("qdrant", "QdrantQuery", "query", "query", {"points": points}),
            ("qdrant-search", "QdrantSearch", "search", "vector", points)):
        c = call(name, op, "/collections/kb/points/" + last,
                 {key: vec, "limit": 2}, "qdrant", data_source="kb")
        c.answer({"result": result, "status": "ok", "time": 0.0125}, **NONE)
        yield c.expect(documents=2, score_count=2, score_top=0.75, docs="u-1",
                       retrieval_method="vector",
                       top_k_requested=2, embedding_dimension=16,
                       server_latency_ms=12)

    c = call("qdrant-404", "QdrantQuery", "/collections/no/points/query", {
        "query": vec}, "qdrant", data_source="no", embedding_dimension=16,
        retrieval_method="vector")
    c.answer({"status": {"error": "Not found: no"}, "time": 0.1},
             "404 Not Found", **NONE)
    yield c.failed("404", "Not found: no")

    def weaviate(name, doc):
        c = call(name, "WeaviateGraphQL", "/v1/graphql",
                 {"query": "{Get{Doc{…}}}"}, "weaviate", "weaviate:8080")
        return c.answer(doc, **NONE)
    yield weaviate("weaviate", {"data": {"Get": {"Doc": [
        {"_additional": {"id": "a", "certainty": 0.75, "distance": 0.5}},
        {"_additional": {"id": "b", "certainty": 0.5}}]}}}).expect(
            documents=2, score_count=2, score_top=0.75, docs="a,b")
    yield weaviate("weaviate-error", {"data": {"Get": {"Doc": None}},
                                      "errors": [{"message": "Oh."}]}).failed(
        "_OTHER", "Oh.", finish="error")

    c = call("chroma", "ChromaQuery",
             "/api/v2/tenants/t/databases/d/collections/c1/query",
             {"query_embeddings": [vec], "n_results": 2}, "chroma",
             data_source="c1")
    c.answer({"ids": [["a", "b"]], "distances": [[0.1, 0.2]],
              "documents": [["x", "y"]]}, **NONE)
    yield c.expect(documents=2, docs="a,b", top_k_requested=2,
                   embedding_dimension=16, retrieval_method="vector")

    c = call("chroma-v1", "ChromaQuery", "/api/v1/collections/c1/query",
             {"query_embeddings": [vec, vec], "n_results": 1}, "chroma",
             data_source="c1")
    c.answer({"ids": [["a"], ["b"]], "distances": [[0.1], [0.2]]}, **NONE)
    yield c.expect(documents=2, docs="a,b", top_k_requested=1,
                   embedding_dimension=16, retrieval_method="vector")

    c = call("s3vectors", "S3VectorsQuery", "/QueryVectors",
             {"vectorBucketName": "b", "indexName": "kb", "topK": 2,
              "queryVector": {"float32": vec}}, "s3vectors",
             "s3vectors.us-east-1.api.aws", data_source="kb",
             region="us-east-1")
    c.answer({"vectors": [{"key": "a", "distance": 0.1}, {"key": "b"}]},
             **RID)
    yield c.expect(documents=2, docs="a,b", top_k_requested=2,
                   embedding_dimension=16, retrieval_method="vector")

    def milvus(name, doc):
        c = call(name, "MilvusSearch", "/v2/vectordb/entities/search",
                 {"collectionName": "kb", "data": [vec], "limit": 2},
                 "milvus", data_source="kb", top_k_requested=2,
                 embedding_dimension=16, retrieval_method="vector")
        return c.answer(doc, **NONE)
    yield milvus("milvus", {"code": 0, "cost": 0, "data": [
        {"id": "a", "distance": 0.1}, {"id": 7}]}).expect(
            documents=2, docs="a")
    yield milvus("milvus-error", {"code": 1100, "message": "no field"}).failed(
        "1100", "no field", finish="error")


def cases():
    for group in (retrieve, generate, opensearch, stores):
        yield from group()
