<?php
// Hands one invoice in and waits for its KSeF number, ten minutes at most. PHP 8.0 or later with its curl
// extension.
//
//   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key php submit.php invoice.xml SO-1001
//
// It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
// there was no answer in time: run it again, nothing is sent twice.
declare(strict_types=1);

const PATIENCE = 600; // seconds, for everything together
define('END', hrtime(true) / 1e9 + PATIENCE);

function stop(int $code, string $text): void
{
    fwrite(STDERR, "$text\n");
    exit($code);
}

function read(string $path): string
{
    $text = is_file($path) ? @file_get_contents($path) : false;
    if ($text === false) {
        stop(3, "cannot read $path: no such file, or not allowed");
    }
    return $text;
}

/** Editors on Windows begin a file with a mark (BOM) and end lines with two characters. */
function key_of(string $path): string
{
    $key = trim((string) preg_replace('/^\xEF\xBB\xBF/', '', explode("\n", read($path))[0]));
    if (!preg_match('/^[ -~]+$/D', $key)) {
        stop(3, "the first line of $path must be the key, and the file plain text (UTF-8)");
    }
    return $key;
}

function address(): string
{
    $url = getenv('KSEF_URL') ?: 'http://127.0.0.1:8090';
    $form = '~^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?(/[A-Za-z0-9._\~/-]*)?$~D';
    if (!preg_match($form, $url, $parts) || (int) ($parts[3] ?? 0) > 65535) {
        stop(3, 'KSEF_URL must be an address such as http://127.0.0.1:8090');
    }
    return rtrim($url, '/') . '/v1/invoices';
}

/**
 * Returns status, Retry-After and the answer. No answer, or one that is cut off, is status 0.
 * @return array{int, int, array}
 */
function call(string $url, string $key, ?string $body = null): array
{
    $after = 0;
    $headers = ['Authorization: Bearer ' . $key];
    $call = curl_init($url);
    if ($body !== null) {
        $headers[] = 'Content-Type: application/xml';
        curl_setopt_array($call, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body]);
    }
    curl_setopt_array($call, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FOLLOWLOCATION => false, // the key is for the server of KSEF_URL and no other,
        CURLOPT_PROXY => '', // nor for a proxy
        CURLOPT_TIMEOUT => (int) max(1, min(60, END - hrtime(true) / 1e9)),
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_HEADERFUNCTION => function ($call, string $line) use (&$after): int {
            if (preg_match('/^retry-after: *([0-9]{1,9})\s*$/i', $line, $m)) {
                $after = (int) $m[1];
            }
            return strlen($line);
        },
    ]);
    $raw = curl_exec($call);
    if (!is_string($raw)) { // an answer that is cut off has a status all the same
        return [0, 0, ['detail' => 'no answer: ' . curl_error($call)]];
    }
    $status = (int) curl_getinfo($call, CURLINFO_RESPONSE_CODE);
    if ($status >= 300 && $status < 400) {
        $moved = curl_getinfo($call, CURLINFO_REDIRECT_URL) ?: 'another address';
        return [$status, 0, ['detail' => "the server answered $status and sends this program to $moved: correct KSEF_URL"]];
    }
    $answer = json_decode($raw, true); // a proxy on the way may answer with a page
    return [$status, $after, is_array($answer) && is_array($answer['items'] ?? []) ? $answer : []];
}

/**
 * Says whether to call again later: there was no answer, the server could not serve the call now,
 * or a check could not be made. Then nothing is wrong with the document.
 */
function later(int $status, array $answer): bool
{
    foreach ($answer['items'] ?? [] as $item) {
        if ($item['refusal']['try_again'] ?? false) {
            return true;
        }
    }
    return in_array($status, [0, 408, 429], true) || $status >= 500;
}

/** Waits, unless that would take too long. */
function pause(int $seconds): bool
{
    if (hrtime(true) / 1e9 + $seconds >= END) {
        return false;
    }
    sleep($seconds);
    return true;
}

/** Detail says field, rule, value, place and hint. */
function words(int $status, array $answer): string
{
    $said = '';
    foreach ($answer['items'] ?? [] as $item) {
        $said .= ($item['refusal']['detail'] ?? '') . "\n";
    }
    return trim($said) ?: $answer['detail'] ?? "the server answered $status and no words: is KSEF_URL right?";
}

function main(string $file, string $ref): int
{
    if ($ref === '') {
        stop(3, 'the ref is empty: give your own key of the invoice, such as SO-1001');
    }
    $url = address();
    [$xml, $key] = [read($file), key_of((string) getenv('KSEF_KEY_FILE'))];
    [$status, $after, $answer] = [0, 0, []];
    foreach ([0, 2, 4, 6, 8, 10] as $wait) {
        if (!pause(max($wait, $after))) {
            break;
        }
        [$status, $after, $answer] = call($url . '?' . http_build_query(['ref' => $ref]), $key, $xml);
        if (!later($status, $answer)) {
            break;
        }
    }
    if ($status !== 202) {
        stop(later($status, $answer) ? 4 : 3, words($status, $answer));
    }
    $invoice = $answer['items'][0] ?? [];
    // terms: there when the ref is not the one on record; the text says what became of the ref.
    foreach ([$invoice['note'] ?? '', $invoice['warning'] ?? '', $invoice['terms']['text'] ?? ''] as $said) {
        fwrite(STDERR, $said === '' ? '' : "$said\n");
    }
    if (!isset($invoice['id'])) {
        stop(3, 'the answer has no id: is KSEF_URL right?');
    }
    $url .= '/' . rawurlencode($invoice['id']);
    while (true) {
        switch ($invoice['state'] ?? '') {
            case 'accepted':
            case 'receipted':
                if (empty($invoice['ksef_number'])) {
                    stop(3, 'the answer has no KSeF number: is KSEF_URL right?');
                }
                $line = $invoice['ksef_number'] . "\n";
                if (@fwrite(STDOUT, $line) !== strlen($line)) {
                    stop(3, 'the KSeF number cannot be written to the standard output');
                }
                return 0;
            case 'rejected':
            case 'parked':
            case 'dismissed':
            case 'superseded':
            case 'refused':
                if (isset($invoice['reason'])) { // the answer to the first call has none
                    stop(3, $invoice['state'] . ': ' . $invoice['reason']);
                }
        }
        if (!pause(max(2, $after))) {
            stop(4, 'no outcome yet: run it again later');
        }
        [$status, $after, $answer] = call($url, $key);
        if ($status === 200) {
            $invoice = $answer;
        } elseif (!later($status, $answer)) {
            stop(3, words($status, $answer));
        }
    }
}

if ($argc !== 3 || !getenv('KSEF_KEY_FILE')) {
    stop(3, 'usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key php submit.php invoice.xml SO-1001');
}
try {
    exit(main($argv[1], $argv[2]));
} catch (Throwable $e) { // every end is 0, 3 or 4
    stop(3, 'the answer is none of this server: is KSEF_URL right? ' . $e->getMessage());
}
