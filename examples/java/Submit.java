import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hands one invoice in and waits for its KSeF number, ten minutes at most. Java 11 or later, nothing else.
 *
 * <pre>KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key java Submit.java invoice.xml SO-1001</pre>
 *
 * It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
 * there was no answer in time: run it again, nothing is sent twice.
 */
public class Submit {
    static final long PATIENCE = 600; // seconds, for everything together
    static final long START = System.nanoTime();
    /** The key is for the server of KSEF_URL and no other, so no redirect is followed. */
    static final HttpClient HTTP =
            HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(10)).build();
    static final Pattern ADDRESS = Pattern.compile("https?://([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?");

    static final class Answer {
        int status; // 0: there was none, or it was cut off
        long after; // Retry-After
        String moved = "another address";
        String body = "";

        /**
         * Says whether to call again: there was no answer, the server could not serve the call now, or a check
         * could not be made. Then nothing is wrong with the document.
         */
        boolean later() {
            return status == 0 || status == 408 || status == 429 || status >= 500 || body.contains("\"try_again\":true");
        }

        /** What to tell a person. */
        String words() {
            if (status == 0) {
                return body;
            }
            if (status >= 300 && status < 400) {
                return "the server answered " + status + " and sends this program to " + moved + ": correct KSEF_URL";
            }
            String said = field("detail"); // says field, rule, value, place and hint
            return said.isEmpty() ? "the server answered " + status + " and no words: is KSEF_URL right?" : said;
        }

        /** The JDK has no reader of JSON; a real program uses its own. */
        String field(String name) {
            Matcher m = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]++|\\\\.)*+)\"").matcher(body);
            String last = "";
            while (m.find()) {
                last = m.group(1);
            }
            return ESCAPE.matcher(last).replaceAll(e -> Matcher.quoteReplacement(unescaped(e.group(1))));
        }

        static final Pattern ESCAPE = Pattern.compile("\\\\(u\\p{XDigit}{4}|.)");

        static String unescaped(String code) {
            switch (code.charAt(0)) {
                case 'u':
                    return String.valueOf((char) Integer.parseInt(code.substring(1), 16));
                case 'n':
                    return "\n";
                case 'r':
                    return "\r";
                case 't':
                    return "\t";
                case 'b':
                    return "\b";
                case 'f':
                    return "\f";
                default: // a quotation mark, a backslash or a slash
                    return code;
            }
        }
    }

    /** Makes one call. HttpRequest.timeout would cover the headers only, so get has the time-out of the whole answer. */
    static Answer call(URI url, String key, byte[] xml) throws InterruptedException {
        HttpRequest.Builder call = HttpRequest.newBuilder(url).header("Authorization", "Bearer " + key);
        if (xml != null) {
            call.header("Content-Type", "application/xml").POST(HttpRequest.BodyPublishers.ofByteArray(xml));
        }
        Answer answer = new Answer();
        try {
            HttpResponse<String> r = HTTP.sendAsync(call.build(), HttpResponse.BodyHandlers.ofString())
                    .get(Math.max(1, Math.min(60, left())), TimeUnit.SECONDS);
            answer.status = r.statusCode();
            answer.body = r.body();
            answer.moved = r.headers().firstValue("Location").orElse(answer.moved);
            answer.after = r.headers().firstValue("Retry-After").filter(s -> s.matches("[0-9]{1,9}")).map(Long::valueOf).orElse(0L);
        } catch (ExecutionException | TimeoutException e) {
            answer.body = "no answer: " + e;
        }
        return answer;
    }

    static long left() {
        return PATIENCE - (System.nanoTime() - START) / 1_000_000_000L;
    }

    /** Waits, unless that would take too long. */
    static boolean pause(long seconds) throws InterruptedException {
        if (seconds >= left()) {
            return false;
        }
        Thread.sleep(1000 * seconds);
        return true;
    }

    static int stop(int code, String text) {
        System.err.println(text);
        System.exit(code);
        return code;
    }

    static byte[] read(String path) {
        try {
            return Files.readAllBytes(Path.of(path));
        } catch (IOException | InvalidPathException e) {
            stop(3, "cannot read " + path + ": " + e);
            return null;
        }
    }

    /** Editors on Windows begin a file with a mark (BOM) and end lines with two characters. */
    static String keyOf(String path) {
        String key = new String(read(path), StandardCharsets.UTF_8).split("\n", 2)[0].replaceFirst("^\uFEFF", "").trim();
        if (!key.matches("[ -~]+")) {
            stop(3, "the first line of " + path + " must be the key, and the file plain text (UTF-8)");
        }
        return key;
    }

    static String address() {
        String url = System.getenv("KSEF_URL");
        if (url == null || url.isEmpty()) {
            url = "http://127.0.0.1:8090";
        }
        Matcher m = ADDRESS.matcher(url);
        boolean right = m.matches() && (m.group(3) == null || Integer.parseInt(m.group(3)) <= 65535);
        try {
            right = right && new URI(url).getHost() != null; // Java takes no _ in the name of a host
        } catch (URISyntaxException e) {
            right = false;
        }
        if (!right) {
            stop(3, "KSEF_URL must be an address such as http://127.0.0.1:8090");
        }
        return url.replaceFirst("/+$", "") + "/v1/invoices";
    }

    static int run(String file, String ref) throws InterruptedException {
        if (ref.isEmpty()) {
            return stop(3, "the ref is empty: give your own key of the invoice, such as SO-1001");
        }
        if (ref.contains("\uFFFD")) {
            return stop(3, "the ref is not UTF-8, or the locale of this system is not");
        }
        String base = address();
        URI submit = URI.create(base + "?ref=" + URLEncoder.encode(ref, StandardCharsets.UTF_8));
        byte[] xml = read(file);
        String key = keyOf(System.getenv("KSEF_KEY_FILE"));
        Answer last = new Answer();
        for (long wait = 0; wait <= 10 && pause(Math.max(wait, last.after)); wait += 2) {
            last = call(submit, key, xml);
            if (!last.later()) {
                break;
            }
        }
        if (last.status != 202) {
            return stop(last.later() ? 4 : 3, last.words());
        }
        // text: there when the ref is not the one on record; it says what became of the ref.
        for (String name : new String[] {"note", "warning", "text"}) {
            if (!last.field(name).isEmpty()) {
                System.err.println(last.field(name));
            }
        }
        if (last.field("id").isEmpty()) {
            return stop(3, "the answer has no id: is KSEF_URL right?");
        }
        URI invoice = URI.create(base + "/" + URLEncoder.encode(last.field("id"), StandardCharsets.UTF_8));
        while (true) {
            if (last.status == 200 || last.status == 202) {
                switch (last.field("state")) {
                    case "accepted":
                    case "receipted":
                        if (last.field("ksef_number").isEmpty()) {
                            return stop(3, "the answer has no KSeF number: is KSEF_URL right?");
                        }
                        System.out.println(last.field("ksef_number"));
                        if (System.out.checkError()) {
                            return stop(3, "the KSeF number cannot be written to the standard output");
                        }
                        return 0;
                    case "rejected":
                    case "parked":
                    case "dismissed":
                    case "superseded":
                    case "refused":
                        if (last.status == 200) { // the answer to the first call has no reason
                            return stop(3, last.field("state") + ": " + last.field("reason"));
                        }
                        break;
                    default:
                }
            } else if (!last.later()) {
                return stop(3, last.words());
            }
            if (!pause(Math.max(2, last.after))) {
                return stop(4, "no outcome yet: run it again later");
            }
            last = call(invoice, key, null);
        }
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 2 || System.getenv().getOrDefault("KSEF_KEY_FILE", "").isEmpty()) {
            stop(3, "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key java Submit.java invoice.xml SO-1001");
        }
        try {
            System.exit(run(args[0], args[1]));
        } catch (RuntimeException e) { // every end is 0, 3 or 4
            stop(3, "this program cannot go on: " + e);
        }
    }
}
