#include "rest/http_error.h"

#include "shared/json.h"

void http_problem(struct buf *out, enum code code, const char *detail, const char *field,
                  const char *request_id)
{
    buf_add_z(out, "{\"type\":\"urn:confab:error:");
    buf_add_z(out, code_name(code));
    buf_add_char(out, '"');
    json_key_str(out, "title", str_of(code_sentence(code)));
    json_key_u64(out, "status", (uint64_t)code_status(code));
    json_key_str(out, "code", str_of(code_name(code)));
    json_key_str(out, "detail", str_of(detail != NULL ? detail : code_sentence(code)));
    if (field != NULL) {
        json_key_str(out, "field", str_of(field));
    }
    if (request_id != NULL) {
        json_key_str(out, "request_id", str_of(request_id));
    }
    buf_add_char(out, '}');
}

unsigned http_retry_after(enum code code)
{
    int status = code_status(code);

    return status == 503 || status == 429 ? 1 : 0;
}

const char *http_reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 101:
        return "Switching Protocols";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    default:
        return status < 500 ? "Refused" : "Internal Server Error";
    }
}
