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

// PHP answers 200 when it prints a warning first. So nothing is printed, and what ends this program
// early is answered with 500.
ini_set('display_errors', '0');
http_response_code(500);

/**
 * Anybody can sign with an empty key, so a file with anything else than secrets is an error.
 * @return string[]
 */
function secrets(): array
{
    $text = (string) file_get_contents((string) getenv('WEBHOOK_SECRET_FILE'));
    $text = preg_replace('/^\xEF\xBB\xBF/', '', $text); // a mark of editors
    $keys = [];
    foreach (preg_split('/\s+/', $text, -1, PREG_SPLIT_NO_EMPTY) as $line) {
        $keys[] = str_starts_with($line, 'whsec_') ? (string) base64_decode(substr($line, strlen('whsec_')), true) : '';
    }
    if (!$keys || min(array_map('strlen', $keys)) < 24) {
        throw new RuntimeException('WEBHOOK_SECRET_FILE must have whsec_ and Base64 of 24 bytes or more on each line');
    }
    return $keys;
}

/** The signature covers id, time and the very bytes of the body, so check it before anything is read. */
function genuine(string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sent = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if ($id === '' || !ctype_digit($sent) || abs(time() - (int) $sent) > TOLERANCE) {
        return false;
    }
    foreach (secrets() as $secret) {
        $want = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent.$body", $secret, true));
        foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
            if (hash_equals($want, $given)) {
                return true;
            }
        }
    }
    return false;
}

/**
 * Each result is one line. In JSON a line end is outside of all texts, so a space means the same. A full
 * disk, or a program that was killed, leaves half a line at the end. Its result was never answered with
 * 2xx, so the new line takes its place. A whole line that only lost its line end in an editor stays.
 */
function keep(string $body): bool
{
    $line = str_replace(["\r", "\n"], ' ', trim($body)) . "\n";
    $out = fopen((string) getenv('OUT'), 'a+');
    if (!$out || !flock($out, LOCK_EX)) {
        return false;
    }
    $size = fstat($out)['size'];
    fseek($out, max(0, $size - LARGEST - 1));
    $tail = (string) stream_get_contents($out);
    $end = strrpos($tail, "\n");
    $half = $end === false ? $tail : substr($tail, $end + 1);
    $whole = $size - strlen($half);
    // Half a line begins as a result does. A loss of power can leave zeros instead.
    if ($half !== '' && (!in_array($half[0], ['{', "\0"], true) || strlen($half) > LARGEST)) {
        throw new RuntimeException('OUT ends with something else than a result: give a file of results');
    }
    if ($half !== '' && json_decode($half) !== null) {
        $whole = $size;
        $line = "\n$line";
    }
    $kept = ftruncate($out, $whole) && fwrite($out, $line) === strlen($line)
        && (!function_exists('fsync') || fsync($out)); // since PHP 8.1
    if (!$kept) {
        ftruncate($out, $whole);
    }
    return $kept;
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
http_response_code(keep($body) ? 204 : 500);
