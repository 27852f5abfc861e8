import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hands one invoice in and waits for its KSeF number. Java 11 or later, nothing else.
 *
 * <pre>KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key java Submit.java invoice.xml SO-1001</pre>
 *
 * It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
 * there was no answer in time: run it again, nothing is sent twice.
 */
public class Submit {
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    static final class Answer {
        int status;
        String body = "";

        /** Nothing is wrong with the document: no answer, a server that cannot now, or a check that could not be made. */
        boolean later() {
            return status == 0 || status == 408 || status == 429 || status >= 500 || body.contains("\"try_again\":true");
        }

        /** Of the newest invoice with the ref. The JDK has no reader of JSON; a real program uses its own. */
        String field(String name) {
            Matcher m = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(body);
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

    /** Repeats a call that could not be served: that is always harmless. */
    static Answer insist(URI url, String key, byte[] xml) throws InterruptedException {
        Answer last = new Answer();
        for (int attempt = 1; attempt <= 6; attempt++) {
            long after = 2L * attempt;
            HttpRequest.Builder call = HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(60)).header("Authorization", "Bearer " + key);
            if (xml != null) {
                call.header("Content-Type", "application/xml").POST(HttpRequest.BodyPublishers.ofByteArray(xml));
            }
            try {
                HttpResponse<String> r = HTTP.send(call.build(), HttpResponse.BodyHandlers.ofString());
                last.status = r.statusCode();
                last.body = r.body();
                after = r.headers().firstValue("Retry-After").filter(s -> s.matches("\\d{1,9}")).map(Long::valueOf).orElse(after);
            } catch (IOException e) {
                last.status = 0;
                last.body = e.toString();
            }
            if (!last.later()) {
                break;
            }
            Thread.sleep(1000 * after);
        }
        return last;
    }

    static byte[] read(String path) {
        try {
            return Files.readAllBytes(Path.of(path));
        } catch (IOException | InvalidPathException e) {
            System.err.println("cannot read " + path + ": " + e);
            System.exit(3);
            return null;
        }
    }

    static int run(String file, String ref) throws InterruptedException {
        String base = System.getenv().getOrDefault("KSEF_URL", "http://127.0.0.1:8090");
        URI url = URI.create(base + "/v1/invoices?ref=" + URLEncoder.encode(ref, StandardCharsets.UTF_8));
        String key = new String(read(System.getenv("KSEF_KEY_FILE")), StandardCharsets.UTF_8).lines().findFirst().orElse("").trim();
        Answer taken = insist(url, key, read(file));
        if (taken.status != 202) {
            System.err.println(taken.body); // says field, rule, value and place
            return taken.later() ? 4 : 3;
        }
        for (int i = 0; i < 300; i++) {
            Answer now = insist(url, key, null);
            switch (now.field("state")) {
                case "accepted":
                case "receipted":
                    System.out.println(now.field("ksef_number"));
                    return 0;
                case "rejected":
                case "parked":
                case "dismissed":
                case "superseded":
                case "refused":
                    System.err.println(now.field("state") + ": " + now.field("reason"));
                    return 3;
                default:
                    Thread.sleep(2000);
            }
        }
        System.err.println("no outcome in ten minutes; ask again later");
        return 4;
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 2 || System.getenv("KSEF_KEY_FILE") == null) {
            System.err.println("usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key java Submit.java invoice.xml SO-1001");
            System.exit(3);
        }
        System.exit(run(args[0], args[1]));
    }
}
