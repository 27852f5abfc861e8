<?php
// Hands one invoice in and waits for its KSeF number. PHP 8.0 or later with its curl extension.
//
//   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key php submit.php invoice.xml SO-1001
//
// It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
// there was no answer in time: run it again, nothing is sent twice.
declare(strict_types=1);

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

function read(string $path): string
{
    $text = is_file($path) ? @file_get_contents($path) : false;
    if ($text === false) {
        fwrite(STDERR, "cannot read $path: no such file, or not allowed\n");
        exit(3);
    }
    return $text;
}

/** Repeats a call that could not be served: that is always harmless. @return array{int, array} */
function insist(string $url, ?string $body = null): array
{
    $key = trim((string) strtok(read((string) getenv('KSEF_KEY_FILE')), "\n"));
    $status = 0;
    $answer = [];
    for ($attempt = 1; $attempt <= 6; $attempt++) {
        $after = 0;
        $headers = ['Authorization: Bearer ' . $key];
        $call = curl_init($url);
        if ($body !== null) {
            $headers[] = 'Content-Type: application/xml';
            curl_setopt_array($call, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body]);
        }
        curl_setopt_array($call, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 60,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_HEADERFUNCTION => function ($call, string $line) use (&$after): int {
                if (stripos($line, 'retry-after:') === 0) {
                    $after = (int) trim(substr($line, strlen('retry-after:')));
                }
                return strlen($line);
            },
        ]);
        $raw = curl_exec($call);
        // An answer that is cut off has a status all the same, and is none.
        $status = is_string($raw) ? (int) curl_getinfo($call, CURLINFO_RESPONSE_CODE) : 0;
        $answer = is_string($raw) ? json_decode($raw, true) : ['detail' => curl_error($call)];
        if (!is_array($answer)) { // a proxy on the way may answer with a page
            $answer = ['detail' => 'the answer is not JSON'];
        }
        if (!later($status, $answer)) {
            break;
        }
        sleep($after ?: 2 * $attempt);
    }
    return [$status, $answer];
}

function main(string $file, string $ref): int
{
    $url = (getenv('KSEF_URL') ?: 'http://127.0.0.1:8090') . '/v1/invoices?' . http_build_query(['ref' => $ref]);
    [$status, $answer] = insist($url, read($file));
    if ($status !== 202) {
        foreach ($answer['items'] ?? [] as $item) {
            fwrite(STDERR, ($item['refusal']['detail'] ?? '') . "\n");
        }
        fwrite(STDERR, ($answer['detail'] ?? '') . "\n");
        return later($status, $answer) ? 4 : 3;
    }
    for ($i = 0; $i < 300; $i++) {
        [$status, $answer] = insist($url);
        $invoice = $status === 200 && ($answer['items'] ?? []) ? end($answer['items']) : ['state' => ''];
        switch ($invoice['state']) {
            case 'accepted':
            case 'receipted':
                echo $invoice['ksef_number'], "\n";
                return 0;
            case 'rejected':
            case 'parked':
            case 'dismissed':
            case 'superseded':
            case 'refused':
                fwrite(STDERR, $invoice['state'] . ': ' . $invoice['reason'] . "\n");
                return 3;
        }
        sleep(2);
    }
    fwrite(STDERR, "no outcome in ten minutes; ask again later\n");
    return 4;
}

if ($argc !== 3 || !getenv('KSEF_KEY_FILE')) {
    fwrite(STDERR, "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key php submit.php invoice.xml SO-1001\n");
    exit(3);
}
exit(main($argv[1], $argv[2]));
