<?php
// Receives results as signed webhooks (Standard Webhooks) and appends each to a file. PHP 8.0 or later,
// behind a web server, or to try it:
//
//   WEBHOOK_SECRET_FILE=secret OUT=results.ndjson php -S 127.0.0.1:8099 receive.php
//
// The file of the secret has one line, or two while the secret is replaced: whsec_ and Base64. The same
// result may come again: of each id keep the one with the greatest revision.
declare(strict_types=1);

const TOLERANCE = 300; // seconds between the sender's clock and this one
const LARGEST = 1 << 20;

/** The signature covers id, time and the very bytes of the body, so check it before anything is read. */
function genuine(string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sent = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if ($id === '' || !ctype_digit($sent) || abs(time() - (int) $sent) > TOLERANCE) {
        return false;
    }
    $lines = preg_split('/\s+/', (string) file_get_contents((string) getenv('WEBHOOK_SECRET_FILE')), -1, PREG_SPLIT_NO_EMPTY);
    foreach ($lines as $line) {
        $secret = base64_decode(preg_replace('/^whsec_/', '', $line));
        $want = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent.$body", $secret, true));
        foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
            if (hash_equals($want, $given)) {
                return true;
            }
        }
    }
    return false;
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    http_response_code(405);
    exit;
}
$body = (string) file_get_contents('php://input', false, null, 0, LARGEST + 1);
if (strlen($body) > LARGEST) {
    http_response_code(413);
    exit;
}
if (!genuine($body)) {
    http_response_code(401);
    exit;
}
// Keep it first, then say so: what is not answered with 2xx comes again.
$kept = file_put_contents((string) getenv('OUT'), trim($body) . "\n", FILE_APPEND | LOCK_EX);
http_response_code($kept === false ? 500 : 204);
